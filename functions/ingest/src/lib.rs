//! CSV ingest: POST /api/ingest and the ingest record.
