//! What is answered of stations.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::FailedTry;
use crate::retold::history::{Month, Year};

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Stations {
    pub stations_total: u64,
    /// Of these, those that the filter lets pass.
    pub matching: u64,
    pub offset: u64,
    pub stations: Vec<StationRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StationRow {
    pub station: String,
    pub partition: u32,
    pub count: u64,
    pub average: f64,
    pub sum: f64,
    pub start: String,
    pub end: String,
    /// Days between the first and the last that have no reading.
    pub missing_days: u64,
    /// The newest readings in the order of their arrival, at most 30.
    pub recent: Vec<f64>,
}

/// What to sort the stations by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Station,
    Count,
    Average,
    Start,
    End,
    Missing,
    Partition,
}

impl Sort {
    /// In the order in which they are declared and shown.
    pub const ALL: [Self; 7] =
        [Self::Station, Self::Count, Self::Average, Self::Start, Self::End, Self::Missing, Self::Partition];
}

impl fmt::Display for Sort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    #[default]
    Asc,
    Desc,
}

/// Which stations, in which order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    pub sort: Sort,
    pub order: Order,
    /// Part of the name, in any case.
    pub filter: String,
    pub offset: usize,
    /// 1 to 1000.
    pub limit: usize,
}

impl Default for Which {
    fn default() -> Self {
        Self { sort: Sort::default(), order: Order::default(), filter: String::new(), offset: 0, limit: 100 }
    }
}

impl Which {
    /// As they are asked for in an address.
    pub fn parameters(&self) -> [(&'static str, String); 5] {
        let order = match self.order {
            Order::Asc => "asc",
            Order::Desc => "desc",
        };
        [
            ("sort", self.sort.to_string()),
            ("order", order.to_owned()),
            ("filter", self.filter.clone()),
            ("offset", self.offset.to_string()),
            ("limit", self.limit.to_string()),
        ]
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Station {
    pub station: String,
    /// One entry, or several where somebody produced with another partitioner: they are not added up.
    pub partitions: Vec<StationIn>,
    /// Of the first of these partitions; `null` until it is asked for.
    pub history: Option<History>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StationIn {
    pub partition: u32,
    /// Counted up to here.
    pub offset: u64,
    pub count: u64,
    pub average: f64,
    pub sum: f64,
    pub start: String,
    pub end: String,
    pub missing_days: u64,
    /// Days without a reading, newest first, at most 1000 stretches of them.
    pub gaps: Vec<DayGap>,
    pub gaps_total: u64,
}

/// Both days included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DayGap {
    pub from: String,
    pub to: String,
    pub days: u64,
}

/// The months and years of a station, told from the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum History {
    /// Records of the partition that were read, and of how many.
    Running {
        done: u64,
        total: u64,
    },
    Failed {
        at_ms: u64,
        why: String,
    },
    /// Holds for the records in [from_offset, offset).
    Ready {
        from_offset: u64,
        offset: u64,
        /// Records that were counted and that the log no longer has.
        lost_records: u64,
        lost_reason: Option<String>,
        /// Whether a newer one is being told.
        refreshing: bool,
        /// The last try to tell a newer one, if it failed.
        failed: Option<FailedTry>,
        months: Vec<Month>,
        years: Vec<Year>,
    },
}
