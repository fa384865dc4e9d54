//! The readings of one station by month and by year.

use std::collections::BTreeMap;

use chrono::Datelike;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{Day, Days};

/// The readings of one station: at most one a day, the first that came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    days: Days,
    /// By year and month.
    months: BTreeMap<(i32, u32), Summary>,
}

/// What is kept of readings; at least one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Summary {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

/// A month with readings. Degrees are in the unit of the topic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Month {
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    pub count: u64,
    pub average: f64,
    pub min: f64,
    pub max: f64,
}

/// A year with readings. Degrees are in the unit of the topic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Year {
    pub year: i32,
    pub count: u64,
    pub average: f64,
    pub min: f64,
    pub max: f64,
}

impl Series {
    /// Counts a reading; `false` if its day was counted before, and then nothing changes.
    pub fn add(&mut self, day: Day, degrees: f64) -> bool {
        if !self.days.insert(day.number()) {
            return false;
        }
        let date = day.date();
        // No month is of minus zero degrees.
        let degrees = 0.0 + degrees;
        let one = Summary { count: 1, sum: degrees, min: degrees, max: degrees };
        self.months.entry((date.year(), date.month())).and_modify(|readings| readings.add(one)).or_insert(one);
        true
    }

    /// Readings that were counted, one a day.
    pub fn count(&self) -> u64 {
        self.days.count()
    }

    /// Months that have readings, in order.
    pub fn months(&self) -> Vec<Month> {
        let months = self.months.iter();
        months
            .map(|(&(year, month), readings)| {
                let Summary { count, min, max, .. } = *readings;
                Month { year, month, count, average: readings.average(), min, max }
            })
            .collect()
    }

    /// Years that have readings, in order.
    pub fn years(&self) -> Vec<Year> {
        let mut years: BTreeMap<i32, Summary> = BTreeMap::new();
        for (&(year, _), &month) in &self.months {
            years.entry(year).and_modify(|readings| readings.add(month)).or_insert(month);
        }
        let year = |(year, readings): (i32, Summary)| {
            let Summary { count, min, max, .. } = readings;
            Year { year, count, average: readings.average(), min, max }
        };
        years.into_iter().map(year).collect()
    }
}

impl Summary {
    fn add(&mut self, others: Self) {
        self.count += others.count;
        self.sum += others.sum;
        self.min = self.min.min(others.min);
        self.max = self.max.max(others.max);
    }

    fn average(&self) -> f64 {
        self.sum / self.count as f64
    }
}
