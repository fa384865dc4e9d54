//! Log lines on the standard error.

use tracing::{Dispatch, dispatcher};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::failure::{Failure, Kind};
use crate::settings::{LogFormat, Output};
use crate::standard_error::{self, StandardError};

/// Starts logging for the whole process, once: text or JSON, coloured only on a terminal and without `NO_COLOR`.
pub fn start(output: &Output) -> Result<(), Failure> {
    let lines = subscriber(output, standard_error::is_colored(), BoxMakeWriter::new(|| StandardError))?;
    dispatcher::set_global_default(lines)
        .map_err(|error| Failure::fatal(Kind::Internal, format!("logging could not be started: {error}")))
}

fn subscriber(output: &Output, colored: bool, writer: BoxMakeWriter) -> Result<Dispatch, Failure> {
    let level = &output.log_level;
    // The web server's lines on its workers are left out, unless the level names the web server.
    let quiet = if ["off", "error"].contains(&level.as_str()) { "" } else { "actix_server=warn," };
    let filter = EnvFilter::builder().parse(format!("{quiet}{level}")).map_err(|error| {
        Failure::fatal(Kind::Settings, format!("output.log_level is {level:?}: {error}"))
            .advice("allowed: off, error, warn, info, debug or trace, also for a part, as info,isotherm::log=debug")
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    Ok(match output.log_format {
        LogFormat::Text => Dispatch::new(lines.with_target(false).with_ansi(colored).finish()),
        LogFormat::Json => Dispatch::new(lines.json().flatten_event(true).with_ansi(false).finish()),
    })
}

/// The log lines, as JSON, of `work` on this thread.
#[cfg(test)]
pub(crate) fn capture(level: &str, work: impl FnOnce()) -> String {
    let output = Output { log_format: LogFormat::Json, log_level: level.to_owned(), progress_interval_ms: 1000 };
    tests::captured(&output, false, work)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(super) fn captured(output: &Output, colored: bool, work: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let writer = BoxMakeWriter::new(move || writer.clone());
        let lines = subscriber(output, colored, writer).expect("the level is good");
        dispatcher::with_default(&lines, work);
        String::from_utf8(kept.0.lock().clone()).expect("lines are UTF-8")
    }

    fn output(log_format: LogFormat, log_level: &str) -> Output {
        Output { log_format, log_level: log_level.to_owned(), progress_interval_ms: 1000 }
    }

    #[test]
    fn a_line_is_text_or_json_and_coloured_only_if_asked_to() {
        let say = || tracing::warn!(partition = 2, "hello");
        let text = captured(&output(LogFormat::Text, "info"), false, say);
        assert!(text.ends_with(" WARN hello partition=2\n") && !text.contains('\u{1b}'), "{text:?}");
        assert!(captured(&output(LogFormat::Text, "info"), true, say).contains('\u{1b}'));
        let json = captured(&output(LogFormat::Json, "info"), true, say);
        let line: serde_json::Value = serde_json::from_str(&json).expect("a line is JSON");
        assert_eq!((&line["message"], &line["partition"]), (&"hello".into(), &2.into()));
    }

    #[test]
    fn only_the_level_that_was_asked_for_is_logged() {
        let say = || tracing::info!("hello");
        assert_eq!(captured(&output(LogFormat::Text, "warn"), false, say), "");
        assert_ne!(captured(&output(LogFormat::Text, "warn,isotherm::cli=info"), false, say), "");
        assert_eq!(captured(&output(LogFormat::Text, "info,isotherm::cli=off"), false, say), "");
        let lines = subscriber(&output(LogFormat::Text, "a=b=c"), false, BoxMakeWriter::new(io::stderr));
        let failure = lines.expect_err("no filter");
        assert_eq!(failure.kind, Kind::Settings);
    }
}
