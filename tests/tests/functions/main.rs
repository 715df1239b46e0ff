//! The end-to-end suite again, on the function binaries behind the local gateway, and tests that only apply there.

#[path = "../suite/answers.rs"]
mod answers;
#[path = "../suite/autobahn/mod.rs"]
mod autobahn;
#[path = "../suite/cases.rs"]
mod cases;
#[path = "../suite/certificate.rs"]
mod certificate;
#[path = "../suite/chart.rs"]
mod chart;
#[path = "../suite/company/mod.rs"]
mod company;
#[path = "../suite/decisions.rs"]
mod decisions;
#[path = "../suite/docs.rs"]
mod docs;
#[path = "../suite/echo.rs"]
mod echo;
#[path = "../suite/errors.rs"]
mod errors;
#[path = "../suite/faults.rs"]
mod faults;
#[path = "../suite/fits.rs"]
mod fits;
#[path = "../suite/handshake.rs"]
mod handshake;
#[path = "../suite/inbox.rs"]
mod inbox;
#[path = "../suite/ingest.rs"]
mod ingest;
#[path = "../suite/lists.rs"]
mod lists;
#[path = "../suite/live.rs"]
mod live;
#[path = "../suite/metrics.rs"]
mod metrics;
#[path = "../suite/overview.rs"]
mod overview;
#[path = "../suite/permits.rs"]
mod permits;
#[path = "../suite/repetition.rs"]
mod repetition;
#[path = "../suite/resume.rs"]
mod resume;
#[path = "../suite/schedules/mod.rs"]
mod schedules;
#[path = "../suite/security.rs"]
mod security;
#[path = "../suite/sites.rs"]
mod sites;
#[path = "../suite/slow_table.rs"]
mod slow_table;
#[path = "../suite/sources.rs"]
mod sources;
#[path = "../suite/support.rs"]
mod support;
#[path = "../suite/uploads.rs"]
mod uploads;
#[path = "../suite/verdicts.rs"]
mod verdicts;
#[path = "../suite/water.rs"]
mod water;

mod batch;
mod connections;
mod counters;
mod elsewhere;
mod hostile;
mod kills;
mod publishers;
mod stalled;
