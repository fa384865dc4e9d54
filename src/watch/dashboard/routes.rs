//! The API: a function an address, each described for OpenAPI where it stands.

use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Responder, get, post, web};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

use super::app_state::AppState;
use super::guard::{cookie, knows_token, problem, same};
use super::replays::NotBegun;
use super::stations::date;
use super::{assets, live, metrics};
use crate::domain::StationStats;
use crate::watch::plot::{self, Appearance, Drawn, PlotKind, Theme};
use crate::watch::wire::{
    Audit, DayGap, Health, Login, Overview, Partitions, Problem, Ready, Station, StationIn, Stations, Supervision,
    Which,
};

/// Rows of one answer.
const LIMIT_MAX: usize = 1000;
/// Stretches of missing days of one answer.
const GAPS_MAX: usize = 1000;
/// Of the plots on the page.
const PLOT_PIXELS: (u32, u32) = (960, 400);

/// The addresses of the API, each served and described: no address is served that the description lacks.
macro_rules! api {
    ($($handler:ident)*) => {
        #[derive(OpenApi)]
        #[openapi(
            info(title = "isotherm", description = "The process that counts, as it is now"),
            paths($($handler),*)
        )]
        struct Api;

        fn configure_api(config: &mut ServiceConfig) {
            config$(.service($handler))*;
        }
    };
}

api! {
    get_overview get_partitions get_supervision get_stations get_station post_history get_plot get_audit post_audit
    get_events post_login get_healthz get_readyz get_metrics
}

/// The description of the API as JSON.
pub fn openapi() -> String {
    let mut text = Api::openapi().to_pretty_json().expect("it is made of texts");
    text.push('\n');
    text
}

pub fn configure(config: &mut ServiceConfig) {
    configure_api(config);
    config.service(get_openapi);
    for &(path, media_type, text) in assets::ASSETS {
        config
            .route(path, web::get().to(move || async move { HttpResponse::Ok().content_type(media_type).body(text) }));
    }
}

/// Everything in a few numbers
#[utoipa::path(responses((status = 200, body = Overview)))]
#[get("/api/overview")]
async fn get_overview(state: Data<AppState>) -> impl Responder {
    let table = state.looks.table().await;
    Json(state.gauges.overview(&table, state.looks.in_several_partitions(), state.ended()))
}

/// The partitions of this process
#[utoipa::path(responses((status = 200, body = Partitions)))]
#[get("/api/partitions")]
async fn get_partitions(state: Data<AppState>) -> impl Responder {
    // Rejected records are read from disk when the table is made anew.
    state.looks.table().await;
    Json(state.gauges.partitions(usize::MAX))
}

/// Branches, their actors, and the last crashes
#[utoipa::path(responses((status = 200, body = Supervision)))]
#[get("/api/supervision")]
async fn get_supervision(state: Data<AppState>) -> impl Responder {
    Json(state.gauges.supervision(usize::MAX, usize::MAX))
}

/// A window into the table of stations
#[utoipa::path(params(Which), responses((status = 200, body = Stations), (status = 400, body = Problem)))]
#[get("/api/stations")]
async fn get_stations(state: Data<AppState>, which: Query<Which>) -> HttpResponse {
    let which = which.into_inner();
    if !(1..=LIMIT_MAX).contains(&which.limit) {
        return problem(StatusCode::BAD_REQUEST, &format!("limit is {}; allowed: 1 to {LIMIT_MAX}", which.limit));
    }
    if which.filter.len() > 255 {
        return problem(StatusCode::BAD_REQUEST, "filter is longer than any name: allowed are 255 bytes");
    }
    match state.looks.rows(which).await {
        Some(rows) => HttpResponse::Ok().json(rows),
        None => problem(StatusCode::SERVICE_UNAVAILABLE, "the stations could not be sorted: try again"),
    }
}

/// A station, its missing days, and its history as far as it was asked for
#[utoipa::path(responses((status = 200, body = Station), (status = 404, body = Problem)))]
#[get("/api/stations/{station}")]
async fn get_station(state: Data<AppState>, station: Path<String>) -> HttpResponse {
    let mut partitions = Vec::new();
    for partition in state.looks.partitions_of(&station).await {
        match state.looks.station(partition, &station).await {
            Some((offset, stats)) => partitions.push(station_in(partition, offset, &stats)),
            // The partition is restarting, and its file does not have the station yet.
            None => {
                let why = format!("partition {partition} does not answer just now: try again");
                return problem(StatusCode::SERVICE_UNAVAILABLE, &why);
            }
        }
    }
    let Some(first) = partitions.first() else { return unknown(&station) };
    let history = state.replays.history(&station, first.partition);
    HttpResponse::Ok().json(Station { station: station.into_inner(), partitions, history })
}

fn unknown(station: &str) -> HttpResponse {
    problem(StatusCode::NOT_FOUND, &format!("no partition of this process has the station {station}"))
}

fn station_in(partition: u32, offset: u64, stats: &StationStats) -> StationIn {
    let days = u64::from(stats.end.number() - stats.start.number() + 1);
    let gaps = || stats.days.iter().zip(stats.days.iter().skip(1)).filter(|(before, after)| after - before > 1);
    let gaps_total = gaps().count();
    let newest = gaps().skip(gaps_total.saturating_sub(GAPS_MAX));
    let mut gaps: Vec<DayGap> = newest.map(|(before, after)| day_gap(before + 1, after - 1)).collect();
    gaps.reverse();
    StationIn {
        partition,
        offset,
        count: stats.count(),
        average: stats.average(),
        sum: stats.sum,
        start: stats.start.to_string(),
        end: stats.end.to_string(),
        missing_days: days - stats.count(),
        gaps,
        gaps_total: gaps_total as u64,
    }
}

fn day_gap(from: u32, to: u32) -> DayGap {
    DayGap { from: date(from), to: date(to), days: u64::from(to - from + 1) }
}

/// Have a station's months and years told from the log, or brought up to date
#[utoipa::path(responses(
    (status = 202), (status = 404, body = Problem), (status = 503, description = "too many wait", body = Problem)
))]
#[post("/api/stations/{station}/history")]
async fn post_history(state: Data<AppState>, station: Path<String>) -> HttpResponse {
    let Some(&partition) = state.looks.partitions_of(&station).await.first() else { return unknown(&station) };
    match state.replays.start_history(&station, partition) {
        Ok(()) => HttpResponse::Accepted().finish(),
        Err(NotBegun::Busy | NotBegun::Full) => {
            problem(StatusCode::SERVICE_UNAVAILABLE, "too many histories wait to be read from the log: try again")
        }
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PlotWish {
    kind: PlotKind,
    theme: Theme,
}

/// A station's history as a plot, once it is ready
#[utoipa::path(params(PlotWish), responses(
    (status = 200, content_type = "image/svg+xml", body = String), (status = 404, body = Problem)
))]
#[get("/api/stations/{station}/plot.svg")]
async fn get_plot(state: Data<AppState>, station: Path<String>, wish: Query<PlotWish>) -> HttpResponse {
    let PlotWish { kind, theme } = wish.into_inner();
    let appearance = Appearance { theme, width_pixels: PLOT_PIXELS.0, height_pixels: PLOT_PIXELS.1 };
    let partitions = state.looks.partitions_of(&station).await;
    let Some(replay) = partitions.first().and_then(|&partition| state.replays.ready(&station, partition)) else {
        return problem(StatusCode::NOT_FOUND, "the history of that station is not ready: POST to its /history first");
    };
    let drawn = web::block(move || {
        let series = replay.series(&station)?;
        let (partition, offset, missing) = (replay.partition(), replay.offset(), replay.lost_reason());
        Some(plot::svg(kind, &[Drawn { station: &station, partition, offset, series, missing }], appearance))
    });
    match drawn.await {
        Ok(Some(Ok(svg))) => HttpResponse::Ok().content_type("image/svg+xml").body(svg),
        Ok(Some(Err(failure))) => problem(StatusCode::INTERNAL_SERVER_ERROR, &failure.to_string()),
        Ok(None) | Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the plot could not be drawn"),
    }
}

/// The last audit, and the one that runs
#[utoipa::path(responses((status = 200, body = Audit)))]
#[get("/api/audit")]
async fn get_audit(state: Data<AppState>) -> impl Responder {
    Json(state.replays.audit(usize::MAX))
}

/// Audit all partitions of this process, in the background
#[utoipa::path(responses((status = 202), (status = 409, description = "one is running", body = Problem)))]
#[post("/api/audit")]
async fn post_audit(state: Data<AppState>) -> HttpResponse {
    match state.replays.start_audit() {
        Ok(()) => HttpResponse::Accepted().finish(),
        Err(NotBegun::Busy) => problem(StatusCode::CONFLICT, "an audit is running"),
        Err(NotBegun::Full) => problem(StatusCode::SERVICE_UNAVAILABLE, "too much waits to be replayed: try again"),
    }
}

/// What changes, as server-sent events: `overview`, `partitions`, `supervision` and `audit`, each with the answer of its
/// address as data
#[utoipa::path(responses((status = 200, content_type = "text/event-stream", body = String), (status = 503, body = Problem)))]
#[get("/api/events")]
async fn get_events(state: Data<AppState>) -> HttpResponse {
    if state.live.clients() >= state.streams_max {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "too many event streams are open: see web.connections_max");
    }
    // nginx would keep events back until a buffer is full of them.
    let unbuffered = ("x-accel-buffering", "no");
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(unbuffered)
        .streaming(live::events(state.live.clone()))
}

/// Have the browser send the token from now on
#[utoipa::path(request_body = Login, responses((status = 204), (status = 401, body = Problem)))]
#[post("/api/login")]
async fn post_login(state: Data<AppState>, login: Json<Login>) -> HttpResponse {
    if !state.token.is_empty() && same(&login.token, &state.token) {
        HttpResponse::NoContent().cookie(cookie(&state.cookie, &state.token)).finish()
    } else {
        problem(StatusCode::UNAUTHORIZED, "that is not the token of this server: its setting is web.token")
    }
}

/// Whether the process answers
#[utoipa::path(responses((status = 200, body = Health)))]
#[get("/healthz")]
async fn get_healthz() -> impl Responder {
    Json(Health { status: "ok".to_owned() })
}

/// Whether all branches are up and not too far behind; why not, only to who sends the token
#[utoipa::path(responses((status = 200, body = Ready), (status = 503, body = Ready)))]
#[get("/readyz")]
async fn get_readyz(state: Data<AppState>, request: HttpRequest) -> HttpResponse {
    let mut ready = state.gauges.ready();
    if !knows_token(&request, &state) {
        ready.why.clear();
    }
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).json(ready)
}

/// Everything for Prometheus
#[utoipa::path(responses((status = 200, content_type = "text/plain", body = String)))]
#[get("/metrics")]
async fn get_metrics(state: Data<AppState>) -> HttpResponse {
    let in_several = state.looks.in_several_partitions();
    let text = metrics::text(&state.progress, state.gauges.clock(), state.live.clients(), in_several);
    HttpResponse::Ok().content_type(metrics::CONTENT_TYPE).body(text)
}

#[get("/api/openapi.json")]
async fn get_openapi() -> HttpResponse {
    static TEXT: LazyLock<String> = LazyLock::new(openapi);
    HttpResponse::Ok().content_type("application/json").body(TEXT.as_str())
}
