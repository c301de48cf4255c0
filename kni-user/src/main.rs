//! `kniwatch`: see the library for everything it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    kni_user::app::main()
}
