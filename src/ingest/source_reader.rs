//! The generator's blocking half: the source, on the thread `isotherm-source`.

use std::sync::Arc;

use serde_json::Value;

use super::look_up::LookUp;
use crate::domain::Readings;
use crate::failure::{Failure, Kind};
use crate::points::FaultPoints;
use crate::progress::{Progress, events};
use crate::settings;
use crate::source::disk::SourceDisk;
use crate::source::edges::Edge;
use crate::source::files::FileRecord;
use crate::source::{self, FileComparison, FileNews, Kept, Progressed, SentAgain, Source};
use crate::supervision::Steps;

/// Owns the source, and asks the log for it.
pub struct SourceReader {
    settings: settings::Source,
    disk: Arc<dyn SourceDisk>,
    look_up: LookUp,
    faults: FaultPoints,
    progress: Progress,
    source: Option<Box<dyn Source>>,
}

/// What one read of the source gave.
pub struct Read {
    pub readings: Readings,
    /// See [`super::messages::Produce::compared`].
    pub compared: bool,
    pub cursor: Value,
    pub files: Vec<FileRecord>,
    pub progressed: Progressed,
    /// The source went no further, or may not end well. What was read before stands, and is to be in the log first: else it would
    /// be read and lost again in each life.
    pub failure: Option<Failure>,
}

impl SourceReader {
    pub fn new(
        settings: settings::Source,
        disk: Arc<dyn SourceDisk>,
        look_up: LookUp,
        faults: FaultPoints,
        progress: Progress,
    ) -> Self {
        Self { settings, disk, look_up, faults, progress, source: None }
    }

    pub fn open(&mut self, kept: Kept) -> Result<(), Failure> {
        self.faults.hit("generator.start")?;
        let may_repeat = kept.cursor.is_none() && kept.log_has_records;
        let source = source::open(&self.settings, self.disk.clone(), kept)?;
        if may_repeat && !source.compares() {
            events::not_compared();
        }
        self.source = Some(source);
        self.progress.source().compared.set(0);
        self.progress.source().to_compare.set(0);
        self.tell();
        Ok(())
    }

    pub fn next(&mut self, mut readings: Readings, readings_max: usize) -> Result<Read, Failure> {
        self.faults.hit("generator.next")?;
        let source = self.source.as_mut().ok_or_else(unopened)?;
        let progressed = source.next(&mut readings, readings_max).and_then(|progressed| match progressed {
            Progressed::Ended => source.check_end().map(|()| progressed),
            _ => Ok(progressed),
        });
        let (progressed, failure) = match progressed {
            Ok(progressed) => (progressed, None),
            Err(failure) => (Progressed::Ended, Some(failure)),
        };
        let (compared, cursor, files) = (source.take_compared(), source.cursor(), source.take_files());
        self.tell();
        Ok(Read { readings, compared, cursor, files, progressed, failure })
    }

    /// Goes on to answer what the source asks, if anything; `true` once it is answered.
    pub fn ask(&mut self, steps: &Steps) -> Result<bool, Failure> {
        self.faults.hit("generator.ask")?;
        let source = self.source.as_mut().ok_or_else(unopened)?;
        let is_answered = match source.asked() {
            Some(questions) => self.look_up.go_on(questions, steps)?,
            None => true,
        };
        if is_answered {
            source.settled();
        }
        Ok(is_answered)
    }

    /// Tells what the source has met.
    fn tell(&mut self) {
        let Some(source) = &mut self.source else { return };
        let progress = self.progress.source();
        let (bad_lines, named) = source.take_bad_lines();
        for bad in &named {
            let file = bad.file.display().to_string();
            events::bad_line(&self.progress, &file, bad.line, &bad.reason);
        }
        progress.bad_lines.inc_by(bad_lines - named.len() as u64);
        progress.skipped_quality.set(source.skipped_quality());
        *progress.doubtful_values.lock() = source.edges().suspicious().iter().map(Edge::to_string).collect();
        if let Some((bytes, total)) = source.bytes() {
            progress.bytes.set(bytes);
            progress.bytes_total.set(total);
        }
        let SentAgain { revised, doubtful, withdrawn } = source.take_sent_again();
        progress.revised.inc_by(revised);
        progress.possible_repeats.inc_by(doubtful);
        progress.withdrawn.inc_by(withdrawn);
        for news in source.take_news() {
            match news {
                FileNews::Gone { files, first } => events::files_gone(files, &first),
                FileNews::NoLastEnd { name } => events::no_last_end(&name),
                FileNews::KnownStream { name, bytes } => events::known_stream(&name, bytes),
                FileNews::OtherStream { name, bytes } => events::other_stream(&name, bytes),
                FileNews::Half { files, first } => events::files_half(files, &first),
                FileNews::StillChanging { files, first } => events::files_still_changing(files, &first),
                FileNews::Comparing(FileComparison { files, first, readings, pass, passes, .. }) => {
                    events::comparing(files, &first, readings, (pass, passes));
                }
                FileNews::Compared(FileComparison {
                    files, new, revised, withdrawn, doubtful, why_doubtful, ..
                }) => {
                    progress.compared.set(0);
                    progress.to_compare.set(0);
                    events::compared(files, (new, revised, withdrawn));
                    if let Some(why) = why_doubtful {
                        events::possible_repeats(doubtful, &why);
                    }
                }
            }
        }
    }
}

fn unopened() -> Failure {
    Failure::fatal(Kind::Internal, "the source is read before it was opened")
}
