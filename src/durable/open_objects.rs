//! The store of objects that an address names.

use std::sync::Arc;

use super::objects::Objects;
use crate::failure::Failure;
use crate::settings::State;

/// The store of an address as `s3://bucket/prefix`. Asks for nothing yet.
#[cfg(feature = "s3")]
pub fn open_objects(url: &str, settings: &State) -> Result<Arc<dyn Objects>, Failure> {
    Ok(Arc::new(super::s3::S3::open(url, settings)?))
}

/// The store of an address. This build has no stores, which is the failure.
#[cfg(not(feature = "s3"))]
pub fn open_objects(url: &str, _: &State) -> Result<Arc<dyn Objects>, Failure> {
    let what = format!("{url}: this isotherm was built without object stores");
    Err(Failure::fatal(crate::failure::Kind::Settings, what).advice("build it with --features s3, or take the image"))
}
