//! The plan of faults, from its text.

use std::time::Duration;

use crate::faults::{Action, Failure, FaultPoints, Kind, Planned};

use super::model::Settings;

/// Longest delay that can be planned.
const DELAY_MAX_MS: u64 = 3_600_000;

/// The faults that the settings plan.
pub fn fault_points(settings: &Settings) -> Result<FaultPoints, Failure> {
    let planned = settings.faults.points.iter().map(|text| {
        parse(text).ok_or_else(|| {
            Failure::fatal(Kind::Settings, format!("faults.points has {text:?}, which is no fault"))
                .advice("write POINT@HIT=ACTION with a hit from 1 and the action panic, fatal, retryable, abort, hang or delay:MS, as in aggregator.apply@3=panic")
        })
    });
    FaultPoints::new(planned.collect::<Result<_, _>>()?)
}

fn parse(text: &str) -> Option<Planned> {
    let (point, rest) = text.split_once('@')?;
    let (hit, action) = rest.split_once('=')?;
    let hit = number(hit).filter(|&hit| hit > 0)?;
    let action = match action {
        "panic" => Action::Panic,
        "fatal" => Action::Fatal,
        "retryable" => Action::Retryable,
        "abort" => Action::Abort,
        "hang" => Action::Hang,
        other => {
            let delay_ms = number(other.strip_prefix("delay:")?).filter(|&ms| ms <= DELAY_MAX_MS)?;
            Action::Delay(Duration::from_millis(delay_ms))
        }
    };
    Some(Planned { point: point.to_owned(), hit, action })
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_read() {
        for (text, action) in [
            ("panic", Action::Panic),
            ("fatal", Action::Fatal),
            ("retryable", Action::Retryable),
            ("abort", Action::Abort),
            ("hang", Action::Hang),
            ("delay:250", Action::Delay(Duration::from_millis(250))),
        ] {
            let planned = Planned { point: "aggregator.apply".to_owned(), hit: 3, action };
            assert_eq!(parse(&format!("aggregator.apply@3={text}")), Some(planned));
        }
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for text in
            ["", "a", "a@1", "a@0=panic", "a@x=panic", "a@+1=panic", "a@1=explode", "a@1=delay:", "a@1=delay:3600001"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
