//! Prometheus's own tool. Where there is none, a test that needs it is skipped, and says so.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::broker::skip;

/// Runs it in the project's folder with this on its standard input; `false`: there is none, which was said.
pub fn is_content(arguments: &[&str], input: &str) -> bool {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            skip(&format!("promtool: {error} (Debian's package prometheus)"));
            return false;
        }
    };
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads all before it says anything");
    drop(stdin);
    let output = child.wait_with_output().expect("it is ours");
    let told = super::program::told(&output);
    assert!(output.status.success(), "promtool {arguments:?}: {told}");
    // What it only advises is on its standard error.
    assert!(output.stderr.is_empty(), "promtool {arguments:?}: {told}");
    true
}
