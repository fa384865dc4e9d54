//! How crashes are handled. (Guarantees are listed here.)

pub mod worker;
