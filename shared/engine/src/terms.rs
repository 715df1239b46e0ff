//! The terms by which a site's readings are judged.

use domain::history::History;
use domain::name;
use domain::permit::Other;
use domain::reading::Series;
use std::collections::BTreeMap;
use std::sync::Arc;
use table::permits::StoredPermit;
use table::segments::View;
use table::series::Entry;
use table::{Store, StoreError};

/// A site's permit, and its view of the readings.
#[derive(Debug, Clone)]
pub struct Terms {
    /// All versions of the permit.
    pub history: Arc<History>,
    /// How many times the permit was written.
    pub version: u64,
    /// The site's calendar, and the withdrawn files.
    pub view: View,
}

impl Terms {
    /// The current terms of a site.
    pub async fn load(store: &Store, site: &str) -> Result<Self, StoreError> {
        Ok(Self::of(&store.permit(site).await?))
    }

    /// The terms with a given permit.
    pub fn of(permit: &StoredPermit) -> Self {
        Self { history: permit.history.clone(), version: permit.version, view: permit.view() }
    }

    /// The same with other limits, which may have another calendar.
    pub(crate) fn with(&self, history: History) -> Self {
        let view = View { calendar: history.calendar.clone(), ..self.view.clone() };
        Self { history: Arc::new(history), version: self.version, view }
    }

    /// The other series that limits refer to.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Other> {
        let limits = self.history.versions().iter().flat_map(|version| &version.permit.limits);
        limits.filter_map(|limit| limit.with.as_ref())
    }

    /// Whether values of other series are computed from this one.
    pub(crate) fn is_named(&self, series: &Series) -> bool {
        series.is_raw() && self.others().any(|other| other.names(&series.parameter))
    }

    /// The ids of the series that limits judge together with another one, and whether each is the limited one.
    pub(crate) async fn joined(&self, store: &Store, site: &str) -> Result<BTreeMap<String, bool>, StoreError> {
        let limits: Vec<_> = self.history.versions().iter().flat_map(|version| &version.permit.limits).collect();
        let made: Vec<_> = limits.into_iter().filter(|limit| limit.with.is_some()).collect();
        if made.is_empty() {
            return Ok(BTreeMap::new());
        }
        let joined = |entry: Entry| {
            let is_limited = made.iter().any(|limit| limit.covers(&entry.series));
            (is_limited || self.is_named(&entry.series)).then_some((entry.id, is_limited))
        };
        Ok(store.series_of(site).await?.into_iter().filter_map(joined).collect())
    }

    /// The series whose values are also computed from this one.
    pub(crate) async fn dependents(&self, store: &Store, entry: &Entry) -> Result<Vec<Entry>, StoreError> {
        if !self.is_named(&entry.series) {
            return Ok(Vec::new());
        }
        let limits: Vec<_> = self.history.versions().iter().flat_map(|version| &version.permit.limits).collect();
        let depends = |of: &Entry| {
            let names = |other: &Other| other.names(&entry.series.parameter);
            limits.iter().any(|limit| limit.with.as_ref().is_some_and(names) && limit.covers(&of.series))
        };
        let all = store.series_of(&entry.series.site).await?;
        Ok(all.into_iter().filter(|of| of.id != entry.id && depends(of)).collect())
    }
}

/// For each parameter that a limit refers to, the series that may count: first that of the same outfall, or `None` in
/// its place, and then the others of the site. Which one counts is decided for each period, see
/// [`domain::derive::one_of`]. A flow and an influent are only those of their own outfall, if it has such a series.
pub(crate) async fn other_series(
    store: &Store,
    entry: &Entry,
    with: &Other,
) -> Result<Vec<Vec<Option<Entry>>>, StoreError> {
    let all = store.series_of(&entry.series.site).await?;
    let is_here = |of: &Entry| name::same(&of.series.outfall, &entry.series.outfall);
    let named = |parameter: &String| {
        let is_it = |of: &&Entry| of.series.is_raw() && name::same(&of.series.parameter, parameter);
        let (here, elsewhere): (Vec<_>, Vec<_>) = all.iter().filter(is_it).cloned().partition(is_here);
        let here = here.into_iter().next();
        let is_alone = here.is_some() && !matches!(with, Other::Water { .. });
        let elsewhere = elsewhere.into_iter().filter(|_| !is_alone).map(Some);
        std::iter::once(here).chain(elsewhere).collect()
    };
    Ok(with.parameters().iter().map(named).collect())
}
