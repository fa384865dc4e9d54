//! Files that were changed, on their way through a comparison with the log.

use super::super::{FileComparison, SentAgain};
use super::open_file::OpenFile;
use super::questions::{Questions, Verdict};
use super::record::FileRecord;
use crate::domain::Readings;

/// Readings that are looked at in one step: nearly all of them may be known.
const PLACES_PER_STEP_MAX: usize = 1 << 16;

/// Some files, on their way through as many passes as memory needs.
pub struct Revision {
    /// Their places among the names, and what was read of each in the first pass: nothing of one that is gone.
    pub files: Vec<usize>,
    pub records: Vec<Option<FileRecord>>,
    pub pass: usize,
    pub stage: Stage,
    pub questions: Questions,
    pub told: FileComparison,
}

/// Each pass goes through all of them.
pub enum Stage {
    /// The files, from the one in this place on.
    Reading(usize, Option<Box<OpenFile>>),
    /// The log is asked.
    Asking,
    /// The other files of the source that may have days which the log has: those from this one on.
    ReadingOthers(usize, Option<Box<OpenFile>>),
    /// Readings from this place on.
    Giving(usize),
}

impl Revision {
    pub fn asked(&mut self) -> Option<&mut Questions> {
        matches!(self.stage, Stage::Asking).then_some(&mut self.questions)
    }

    pub fn answered(&mut self) {
        self.stage = Stage::ReadingOthers(0, None);
    }

    /// Gives readings from this place on that the log has not, as long as there is room; gives the place behind them.
    pub fn give(
        &mut self,
        mut place: usize,
        readings: &mut Readings,
        readings_max: usize,
        sent: &mut SentAgain,
    ) -> usize {
        let Revision { questions, records, told, .. } = self;
        let end = questions.count().min(place.saturating_add(PLACES_PER_STEP_MAX));
        while place < end && !readings.is_full(readings_max) {
            let (reading, file, verdict) = questions.reading(place);
            match verdict {
                Verdict::Known => {}
                Verdict::New { doubtful } => {
                    told.new += 1;
                    told.doubtful += u64::from(doubtful);
                    sent.doubtful += u64::from(doubtful);
                    readings.push(reading);
                }
                Verdict::Revised { .. } => {
                    told.revised += 1;
                    sent.revised += 1;
                    if let Some(record) = &mut records[file as usize] {
                        record.revised += 1;
                    }
                    readings.push(reading);
                }
            }
            place += 1;
        }
        if told.doubtful > 0 && told.why_doubtful.is_none() {
            told.why_doubtful = questions.why_doubtful().map(str::to_owned);
        }
        place
    }
}
