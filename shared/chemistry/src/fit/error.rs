//! Why there is no fit.

/// Why there is no fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitError {
    /// Columns of different lengths.
    #[error("there are {x} values of x and {y} of y; every point needs both")]
    UnlikeLengths {
        /// How many x there are.
        x: usize,
        /// How many y there are.
        y: usize,
    },
    /// A different number of weights and points.
    #[error("there are {weights} weights for {points} points")]
    UnlikeWeights {
        /// How many weights there are.
        weights: usize,
        /// How many points there are.
        points: usize,
    },
    /// No point is left.
    #[error("no point can be used, of {points}: every x and y must be a finite number, and its weight above 0")]
    NoPoints {
        /// How many there were.
        points: usize,
    },
    /// A setting for a parameter that the model does not have.
    #[error("the model has no parameter {name:?}; it has {known}")]
    UnknownParameter {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A setting that contradicts itself.
    #[error("parameter {name}: {why}")]
    BadSetting {
        /// The parameter.
        name: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// All parameters are fixed.
    #[error("all parameters are fixed, so there is nothing to fit")]
    NothingToFit,
    /// More than [`MAX_PARAMETERS`](super::MAX_PARAMETERS).
    #[error("a model of {parameters} parameters is too large")]
    TooManyParameters {
        /// How many it has.
        parameters: usize,
    },
    /// The model does not find starting values.
    #[error("no starting values can be found from these points (the model needs {needs}); give some")]
    NoStart {
        /// What the model asks of a point.
        needs: &'static str,
    },
    /// The curve of the starting values is not finite.
    #[error(
        "with the starting values the curve is not finite at every point, or the numbers are too large to be squared"
    )]
    NotFiniteAtStart,
    /// No straight line goes through the transformed points, or its parameters do not exist.
    #[error("no straight line gives the model's parameters: the points need at least two values of x, and a slope")]
    NoLine,
    /// The caller has stopped it.
    #[error("the fit was cancelled")]
    Cancelled,
}
