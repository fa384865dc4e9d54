//! The one task that looks at everything and makes what is shown of it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use serde::Serialize;
use tokio::time::sleep;

use super::app_state::AppState;
use super::in_several::InSeveral;
use super::looks::Looker;

/// Least time between two frames.
const INTERVAL: Duration = Duration::from_millis(250);
/// With very many clients there are fewer frames, so that all together cost about as much.
const INTERVAL_PER_CLIENT: Duration = Duration::from_millis(1);
/// Without a client, only the rates are looked at.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// Partitions, branches and crashes in a frame; there is more in the API.
const LISTED_MAX: usize = 256;
const CRASHES_MAX: usize = 20;

/// Looks, and makes frames, as long as the server runs.
pub async fn tick(state: Arc<AppState>) {
    let live = &state.live;
    let mut changed = live.subscribe();
    let mut looker = Looker::new(state.looks.clone(), state.progress.clone());
    let mut in_several = InSeveral::new(state.looks.clone(), state.progress.clone());
    loop {
        in_several.follow().await;
        state.gauges.sample(std::time::Instant::now());
        let clients = live.clients();
        if clients == 0 && !state.looks.is_watched() {
            tokio::select! {
                // A new client is shown everything at once, and so is who asks for the table.
                _ = changed.changed() => {}
                () = state.looks.wanted() => {}
                () = sleep(IDLE_INTERVAL) => continue,
            }
        }
        looker.look().await;
        state.gauges.read_rejected().await;
        refresh(&state);
        changed.mark_unchanged();
        sleep(INTERVAL.max(INTERVAL_PER_CLIENT * clients as u32)).await;
    }
}

fn refresh(state: &AppState) {
    let table = state.looks.newest();
    let mut overview = state.gauges.overview(&table, state.looks.in_several_partitions(), state.ended());
    let whole_overview = json(&overview);
    overview.now_ms = 0;
    let mut supervision = state.gauges.supervision(LISTED_MAX, CRASHES_MAX);
    let whole_supervision = json(&supervision);
    for actor in supervision.branches.iter_mut().flat_map(|branch| &mut branch.actors) {
        actor.mailbox_wait_us = None;
    }
    let (partitions, audit) = (json(&state.gauges.partitions(LISTED_MAX)), json(&state.replays.audit(LISTED_MAX)));
    let new = [
        ("overview", json(&overview), whole_overview),
        ("partitions", partitions.clone(), partitions),
        ("supervision", json(&supervision), whole_supervision),
        ("audit", audit.clone(), audit),
    ];
    state.live.publish(new);
}

fn json(value: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("answers are texts and finite numbers"))
}
