//! The `isotherm` binary.

fn main() -> std::process::ExitCode {
    isotherm::cli::main()
}
