//! What a person can choose. Every key, its default, unit and range stand in `settings/default.toml`.
//!
//! Guarantees: an unknown key, a wrong type or a value out of its range is a failure that names where it stands, the
//! key and what is allowed; each effective value knows where it came from; a secret is never shown, neither in
//! entries nor in failures nor in `Debug`. Uses `domain` and `points`, and asks librdkafka how it reads a value.

pub mod date_format;
mod fault_plan;
mod group;
mod layer;
mod load;
pub mod model;
mod presets;
pub mod property;
mod secret;
mod state;
mod unused;
mod validate;

pub use fault_plan::fault_points;
pub use layer::SettingOrigin;
pub use load::{Effective, EffectiveSetting, Sources, environment, load};
pub use model::*;
pub use state::{S3, State, bucket_and_prefix};
