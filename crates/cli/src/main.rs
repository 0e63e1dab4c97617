//! The binary `dormouse`.

fn main() -> std::process::ExitCode {
    dormouse_cli::main()
}
