//! Counters of many environments.

use crate::support::served;
use futures_util::StreamExt;
use futures_util::stream;

const REQUESTS: usize = 500;

#[tokio::test]
async fn counters_say_exactly_what_many_environments_did() -> anyhow::Result<()> {
    let (server, api) = served().await?;
    let paths = (0..REQUESTS).map(|number| if number % 5 == 0 { "/api/nowhere" } else { "/api/status" });
    let statuses: Vec<u16> = stream::iter(paths)
        .map(async |path| anyhow::Ok(api.get(path).await?.status().as_u16()))
        .buffer_unordered(16)
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .collect::<Result<_, _>>()?;
    let environments = server.environments("api")?.len();
    assert!(environments >= 5, "{environments} environments");
    let text = api.get("/metrics").await?.text().await?;
    for (route, status, count) in [("/api/status", 200, REQUESTS * 4 / 5), ("unknown", 404, REQUESTS / 5)] {
        assert_eq!(statuses.iter().filter(|found| **found == status).count(), count);
        let line =
            format!("owsc_http_requests_total{{method=\"GET\",route=\"{route}\",status=\"{status}\"}} {count}\n");
        assert!(text.contains(&line), "{line} is not in\n{text}");
        let line = format!("owsc_http_request_duration_seconds_count{{route=\"{route}\"}} {count}\n");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    Ok(())
}
