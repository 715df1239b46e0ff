//! The chemistry of an effluent: how fast a substance decays, how much a sorbent takes up, and criteria that depend on
//! hardness, pH and temperature.
//!
//! Pure functions of numbers: no files, no clock, no environment. The same call gives the same answer on a server, in a
//! function and in a browser.
//!
//! * [`model`] has the models, each one file and one line in a list. A model of your own implements [`Model`].
//! * [`fit()`] fits a model by least squares and says how sure its parameters are.
//! * [`linearised`] fits the straight lines of textbooks. Their answers differ from those of [`fit()`] on purpose, so
//!   that a [`Fit`] says which one it is.
//! * [`question`] is how people ask for a fit, by the names of models and parameters.
//! * [`criteria`] has the formulas that permits refer to.
//!
//! ```
//! use chemistry::{Options, fit, model};
//!
//! let days = [1.0, 2.0, 3.0, 5.0, 7.0, 10.0];
//! let bod = [109.0, 149.0, 149.0, 191.0, 213.0, 224.0];
//! let curve = model::find("bod_first").ok_or("no such model")?;
//! let fit = fit(curve, &days, &bod, &Options::default())?;
//! let rate = fit.parameter("k").ok_or("no such parameter")?;
//! assert!((rate.value - 0.547237).abs() < 1e-6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(missing_docs)]

pub mod criteria;
pub mod fit;
pub mod linearised;
pub mod model;
pub mod question;

pub use fit::{Fit, FitError, Options, fit, fit_with};
pub use model::Model;
