//! Feed entries to connected subscribers.
