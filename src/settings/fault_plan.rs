//! The plan of faults: what is written, and what a seed draws.

use crate::failure::{Failure, Kind};
use crate::points::{FaultPoints, Planned, drawn};

use super::model::Settings;

/// The faults that the settings plan.
pub fn fault_points(settings: &Settings) -> Result<FaultPoints, Failure> {
    let written = settings.faults.points.iter().map(|text| {
        Planned::parse(text).ok_or_else(|| {
            Failure::fatal(Kind::Settings, format!("faults.points: {text:?} is not a fault")).advice(
                "write POINT@HIT=ACTION with a hit from 1 and an action such as panic, storage_full or delay:MS, as in aggregator.apply@3=panic; settings/default.toml names all",
            )
        })
    });
    let mut planned: Vec<Planned> = written.collect::<Result<_, _>>()?;
    for (index, fault) in planned.iter().enumerate() {
        if planned[..index].iter().any(|earlier| same_hit(earlier, fault)) {
            let what = format!("faults.points plans hit {} of {} twice", fault.hit, fault.point);
            return Err(Failure::fatal(Kind::Settings, what).advice("plan one fault for each hit"));
        }
    }
    if settings.faults.seed != 0 {
        let mut drawn = drawn::draw(settings.faults.seed, settings.supervision.restarts_max);
        // What is written counts.
        drawn.retain(|fault| planned.iter().all(|written| !same_hit(written, fault)));
        planned.extend(drawn);
    }
    FaultPoints::new(planned)
}

fn same_hit(one: &Planned, other: &Planned) -> bool {
    (&one.point, one.hit) == (&other.point, other.hit)
}
