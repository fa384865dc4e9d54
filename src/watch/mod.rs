//! Where a person looks in: the dashboard, plots, and the terminal's view of the dashboard.

pub mod dashboard;
pub mod plot;
pub mod terminal;
pub mod wire;
