//! Readings, series, alerts, permits, streams, status and the API documentation.
