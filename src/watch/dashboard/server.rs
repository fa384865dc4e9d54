//! The server on threads of its own.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, rt, web};
use socket2::SockRef;

use super::app_state::{AppState, Observed};
use super::guard::{guard, problem};
use super::{ends, live, priority, routes, ticks};
use crate::failure::{Failure, Kind};
use crate::open_files;

/// Time in which a client must have sent its request.
const REQUEST_MAX: Duration = Duration::from_secs(5);
/// Time for which a connection without a request is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Time that the end of the server may take.
const STOP_MAX: Duration = Duration::from_secs(2);
/// Bytes of a request's body: there is only a token.
const BODY_BYTES_MAX: usize = 4096;
/// Files that are kept for counting: logs, partition files, brokers. A connection is one, too.
const FILES_KEPT: usize = 512;
const CONNECTIONS_MIN: usize = 16;
/// Bytes that lie unsent for a client that does not read: in this program, and in the system.
const WRITE_BYTES_MAX: usize = 16 << 10;
const SOCKET_BYTES_MAX: usize = 64 << 10;

/// The running server. It ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    state: Arc<AppState>,
    handle: ServerHandle,
    /// Closed once the thread is done.
    done: mpsc::Receiver<io::Result<ServerHandle>>,
    /// Its drop ends the thread that asks for the ends of the partitions.
    _ends: mpsc::Sender<()>,
}

impl Server {
    /// Listens on the address of the settings, which must have one, and serves from a thread of its own,
    /// `isotherm-web`. Returns once the server takes requests.
    pub fn start(observed: Observed) -> Result<Self, Failure> {
        let settings = observed.settings.clone();
        let address = settings.web.address().ok_or_else(|| Failure::fatal(Kind::Settings, "web.listen is empty"))?;
        let failed = |error: io::Error| cannot_listen(address, &error);
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop_ends, ends_stop) = mpsc::channel();
        ends::watch(observed.replay_log.clone(), observed.progress.clone(), ends_stop)?;
        let room = open_files::allowed().saturating_sub(FILES_KEPT).max(CONNECTIONS_MIN);
        let connections_max = settings.web.connections_max.min(room);
        let state = Arc::new(AppState::new(observed, address.port(), connections_max)?);
        let (started, done) = mpsc::channel();
        let shared = state.clone();
        let serving = move || serve(listener, connections_max, shared, &started);
        let spawned = thread::Builder::new().name("isotherm-web".to_owned()).spawn(serving);
        spawned.map_err(|error| Failure::thread("isotherm-web", &error))?;
        let handle = done.recv().map_err(|_| failed(io::Error::other("its thread ended")))?.map_err(failed)?;
        Ok(Self { address, state, handle, done, _ends: stop_ends })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells every client that the run is over, and why.
    pub fn set_ended(&self, why: &str) {
        self.state.set_ended(why);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.replays.stop();
        // The call alone sends the order. The end of the server is the end of its thread, which is awaited below.
        drop(self.handle.stop(false));
        // A thread that hangs, on a disk that does, keeps no process from its end.
        let _ = self.done.recv_timeout(STOP_MAX);
    }
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    let what = format!("cannot serve the dashboard on {address}: {error}");
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::fatal(Kind::TryAgain, what).advice(
            "another process (another isotherm?) has that port: set web.listen to another one, as in --set web.listen=127.0.0.1:8471, or to an empty text for none",
        ),
        _ => Failure::fatal(Kind::Unavailable, what).advice("set web.listen to an address of this machine"),
    }
}

fn serve(
    listener: TcpListener,
    connections_max: usize,
    state: Arc<AppState>,
    started: &mpsc::Sender<io::Result<ServerHandle>>,
) {
    priority::lower(priority::LOW);
    let result = rt::System::new().block_on(async {
        let data = web::Data::from(state.clone());
        let app = move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
                .app_data(web::JsonConfig::default().limit(BODY_BYTES_MAX).error_handler(|error, _| refused(error)))
                .app_data(web::QueryConfig::default().error_handler(|error, _| refused(error)))
                .app_data(web::PathConfig::default().error_handler(|error, _| refused(error)))
                .wrap(from_fn(guard))
                .configure(routes::configure)
                .default_service(web::to(|| async { problem(StatusCode::NOT_FOUND, "there is nothing here") }))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .worker_max_blocking_threads(2)
            .max_connections(connections_max)
            .client_request_timeout(REQUEST_MAX)
            .client_disconnect_timeout(Duration::from_secs(1))
            .keep_alive(KEEP_ALIVE)
            .h1_write_buffer_size(WRITE_BYTES_MAX)
            .shutdown_timeout(1)
            .disable_signals()
            .on_connect(|connection, _| {
                if let Some(socket) = connection.downcast_ref::<rt::net::TcpStream>() {
                    bound(SockRef::from(socket));
                }
            })
            .listen(listener)?
            .run();
        // `start` waits for the handle.
        drop(started.send(Ok(server.handle())));
        let ticks = rt::spawn(ticks::tick(state));
        drop(server.await);
        ticks.abort();
        Ok(())
    });
    if let Err(error) = result {
        drop(started.send(Err(error)));
    }
}

/// The answer to a request that cannot be read.
fn refused(error: impl std::fmt::Debug + std::fmt::Display + 'static) -> actix_web::Error {
    let answer = problem(StatusCode::BAD_REQUEST, &error.to_string());
    InternalError::from_response(error, answer).into()
}

/// Has the system drop a client that reads nothing, and keep little for the client until then. A bound that the system
/// refuses is left as it is.
fn bound(socket: SockRef<'_>) {
    drop(socket.set_tcp_user_timeout(Some(live::SLOW)));
    drop(socket.set_send_buffer_size(SOCKET_BYTES_MAX));
}
