//! The log's file: how it is created, opened and recognised, and what its errors mean.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, ffi, params};

use crate::failure::{Failure, Kind};
use crate::log::Extent;

/// "isot": by it the file is known as one of ours.
const APPLICATION_ID: i32 = 0x6973_6f74;
/// Version of the tables below.
const LAYOUT_VERSION: i32 = 1;

/// `AUTOINCREMENT`: an id is never used twice, so an id that is still there is still the same topic. A run is consecutive
/// records of one partition; its large column comes last, so that the others are read without it.
const LAYOUT: &str = "
    CREATE TABLE topics (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        log_id TEXT NOT NULL,
        partitions INTEGER NOT NULL,
        retention_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE runs (
        topic INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        first_offset INTEGER NOT NULL,
        last_offset INTEGER NOT NULL,
        crc32c INTEGER NOT NULL,
        records BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX runs_by_offset ON runs (topic, partition, first_offset, last_offset);
";

/// How many writers of each source were opened. Files of the first programs of this layout are without it.
const WRITERS: &str = "
    CREATE TABLE IF NOT EXISTS writers (
        topic INTEGER NOT NULL,
        source TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (topic, source)
    ) STRICT
";

/// Larger than the default: a run takes many pages.
const PAGE_BYTES: u32 = 16 << 10;
/// Size of the write-ahead log at which a commit moves what it can into the file.
const CHECKPOINT_BYTES: u32 = 16 << 20;
/// Size of the write-ahead log past which it is emptied, for which readers have to pause.
pub const WAL_BYTES_MAX: u64 = 64 << 20;
/// Time that emptying it may wait for readers. Where one takes longer, it is tried again when that much more was written.
const TRUNCATE_BUSY_MAX: Duration = Duration::from_millis(100);

/// A connection to the file of a log.
pub struct LogFile {
    path: PathBuf,
    /// Device and inode: another file can come to lie at the path.
    identity: (u64, u64),
    /// How long a call waits for another process to let go of the file.
    busy: Duration,
    /// Size of the write-ahead log at which it is tried next to empty it.
    truncate_at_bytes: u64,
    pub connection: Connection,
}

impl LogFile {
    /// Opens the file. `None` if there is none, or nothing in it yet; never creates it.
    pub fn open(path: &Path, busy: Duration) -> Result<Option<Self>, Failure> {
        let Some(identity) = identity(path)? else { return Ok(None) };
        let failed = |error| failure(path, "cannot open", &error);
        let connection = connect(path, OpenFlags::empty(), busy).map_err(failed)?;
        if is_empty(path, &connection)? {
            return Ok(None);
        }
        set_up(&connection).map_err(failed)?;
        Ok(Some(Self { path: path.to_owned(), identity, busy, truncate_at_bytes: WAL_BYTES_MAX, connection }))
    }

    /// Opens the file, and creates it and its folder where there is none.
    pub fn create(path: &Path, busy: Duration) -> Result<Self, Failure> {
        if let Some(file) = Self::open(path, busy)? {
            return Ok(file);
        }
        create_folder(path).map_err(|error| Failure::io("cannot create the folder of", path, &error))?;
        let failed = |error| failure(path, "cannot create", &error);
        let connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE, busy).map_err(failed)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES).and_then(|()| set_up(&connection)).map_err(failed)?;
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate).map_err(failed)?;
        // Another process may have been quicker.
        if is_empty(path, &transaction)? {
            transaction
                .execute_batch(LAYOUT)
                .and_then(|()| transaction.execute_batch(WRITERS))
                .and_then(|()| transaction.pragma_update(None, "application_id", APPLICATION_ID))
                .and_then(|()| transaction.pragma_update(None, "user_version", LAYOUT_VERSION))
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        drop(connection);
        Self::open(path, busy)?
            .ok_or_else(|| Failure::fatal(Kind::Io, format!("{} vanished while it was created", path.display())))
    }

    /// Whether the path leads to another file by now, or to none: what the connection says is then of no use.
    pub fn is_replaced(&self) -> Result<bool, Failure> {
        Ok(identity(&self.path)? != Some(self.identity))
    }

    /// What an error of the connection means.
    pub fn failure(&self, doing: &str, error: &rusqlite::Error) -> Failure {
        failure(&self.path, doing, error)
    }

    /// Empties the write-ahead log if it has grown too large. To be called after commits: SQLite by itself only moves what
    /// it can while others read, so that with readers always at work the log would grow without end.
    pub fn bound_wal(&mut self) {
        let wal = {
            let mut name = self.path.clone().into_os_string();
            name.push("-wal");
            PathBuf::from(name)
        };
        let bytes = || fs::metadata(&wal).map_or(0, |metadata| metadata.len());
        if bytes() < self.truncate_at_bytes {
            return;
        }
        // What was committed stays so, whatever becomes of this: the next commit meets a broken disk itself.
        drop(self.connection.busy_timeout(TRUNCATE_BUSY_MAX.min(self.busy)));
        drop(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        drop(self.connection.busy_timeout(self.busy));
        self.truncate_at_bytes = bytes() + WAL_BYTES_MAX;
    }
}

/// A topic's row.
pub struct TopicRow {
    pub id: i64,
    pub log_id: String,
    pub partitions: u32,
    pub retention_ms: i64,
}

impl TopicRow {
    pub fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached("SELECT id, log_id, partitions, retention_ms FROM topics WHERE name = ?")?
            .query_row([name], |row| {
                Ok(Self { id: row.get(0)?, log_id: row.get(1)?, partitions: row.get(2)?, retention_ms: row.get(3)? })
            })
            .optional()
    }

    /// Removes a topic and all that is its.
    pub fn delete(self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction.execute_batch(WRITERS)?;
        for table in ["runs", "writers"] {
            transaction.execute(&format!("DELETE FROM {table} WHERE topic = ?"), [self.id])?;
        }
        transaction.execute("DELETE FROM topics WHERE id = ?", [self.id])?;
        Ok(())
    }

    /// Another writer of the source takes over; which one that is.
    pub fn open_writer(transaction: &Transaction<'_>, topic_id: i64, source: &str) -> rusqlite::Result<u64> {
        transaction.execute_batch(WRITERS)?;
        let sql = "INSERT INTO writers VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET number = number + 1 RETURNING number";
        transaction.query_row(sql, params![topic_id, source], |row| row.get(0))
    }

    /// The last writer of the source that was opened.
    pub fn last_writer(connection: &Connection, topic_id: i64, source: &str) -> rusqlite::Result<u64> {
        let mut last = connection.prepare_cached("SELECT number FROM writers WHERE topic = ? AND source = ?")?;
        last.query_row(params![topic_id, source], |row| row.get(0))
    }

    /// Where a partition of the topic with this id starts and ends.
    pub fn extent(connection: &Connection, topic_id: i64, partition: u32) -> rusqlite::Result<Extent> {
        let mut ends = connection.prepare_cached(
            "SELECT
                coalesce((SELECT first_offset FROM runs WHERE topic = ?1 AND partition = ?2
                    ORDER BY first_offset LIMIT 1), 0),
                coalesce((SELECT last_offset + 1 FROM runs WHERE topic = ?1 AND partition = ?2
                    ORDER BY first_offset DESC LIMIT 1), 0)",
        )?;
        ends.query_row(params![topic_id, partition], |row| Ok(Extent { start: row.get(0)?, end: row.get(1)? }))
    }
}

fn connect(path: &Path, flags: OpenFlags, busy: Duration) -> rusqlite::Result<Connection> {
    // Without a mutex: a connection may go from thread to thread, but only one at a time has it.
    let flags = flags | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = {};
         PRAGMA journal_size_limit = {WAL_BYTES_MAX};",
        CHECKPOINT_BYTES / PAGE_BYTES
    ))
}

/// Whether nothing is in the file yet. A file that is not ours, or not of this layout, is Fatal.
fn is_empty(path: &Path, connection: &Connection) -> Result<bool, Failure> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let known = number("PRAGMA application_id").and_then(|application_id| {
        Ok((application_id, number("PRAGMA user_version")?, number("SELECT count(*) FROM sqlite_schema")?))
    });
    let name = path.display();
    match known {
        Ok((APPLICATION_ID, LAYOUT_VERSION, _)) => Ok(false),
        Ok((APPLICATION_ID, version, _)) => Err(Failure::fatal(
            Kind::Data,
            format!(
                "{name} has layout version {version} of isotherm's log; this isotherm knows version {LAYOUT_VERSION}"
            ),
        )
        .advice("use the isotherm that made it, or name another file as log.sqlite.path")),
        Ok((0, 0, 0)) => Ok(true),
        Ok(_) => Err(Failure::fatal(Kind::Data, format!("{name} is a SQLite database of another program"))
            .advice("name another file as log.sqlite.path")),
        Err(error) => Err(failure(path, "cannot read", &error)),
    }
}

fn failure(path: &Path, doing: &str, error: &rusqlite::Error) -> Failure {
    let what = format!("{doing} {}: {error}", path.display());
    let wait = "it is tried again until that is over";
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Failure::retryable(Kind::TryAgain, what).advice(format!("another process holds it; {wait}"))
        }
        Some(ErrorCode::DiskFull) => Failure::retryable(Kind::Io, what).advice(format!("free some space; {wait}")),
        Some(ErrorCode::NotADatabase) => {
            Failure::fatal(Kind::Data, what).advice("it is no SQLite database: name another file as log.sqlite.path")
        }
        Some(ErrorCode::DatabaseCorrupt) => Failure::fatal(Kind::Data, what).advice(DAMAGED),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            Failure::fatal(Kind::Io, what).advice("the file and its folder must be there and writable, for readers too")
        }
        // The memory that all connections share is a file, too.
        Some(ErrorCode::SystemIoFailure)
            if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE) =>
        {
            Failure::retryable(Kind::Io, what).advice(format!("free some space; {wait}"))
        }
        Some(ErrorCode::SystemIoFailure) => Failure::fatal(Kind::Io, what).advice("check the disk"),
        _ => Failure::fatal(Kind::Internal, what),
    }
}

/// What to do about a damaged file.
pub const DAMAGED: &str = "stop all that uses the file, keep a copy of it, and restore an earlier one; or produce again with log.on_start = \"recreate\"";

fn identity(path: &Path) -> Result<Option<(u64, u64)>, Failure> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.dev(), metadata.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("cannot open", path, &error)),
    }
}

/// Creates the folder of a file and those above it, each so that it survives a crash. (SQLite sees to the file's name.)
fn create_folder(file: &Path) -> io::Result<()> {
    let folder =
        |path: &Path| path.parent().map(|parent| if parent == "" { Path::new(".") } else { parent }.to_owned());
    let Some(wanted) = folder(file).filter(|wanted| !wanted.is_dir()) else { return Ok(()) };
    create_folder(&wanted)?;
    match fs::create_dir(&wanted) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    folder(&wanted).map_or(Ok(()), |above| fs::File::open(above)?.sync_all())
}
