//! Compiling here: the ending that always works.

use crate::base::exit::Exit;
use crate::base::process::{self, Ended};
use crate::client::call::Call;

/// Runs the command as it was given, its descriptors untouched.
pub fn run(call: &Call) -> Exit {
    let Some(compiler) = call.argv.first() else { return Exit::BAD_ARGUMENTS };
    let name = compiler.to_string_lossy();
    let Some(mut command) = call.command(&call.argv) else {
        crate::error!("failed to exec {name}: No such file or directory");
        return Exit::COMPILER_MISSING;
    };
    crate::info!("exec on localhost: {}", Call::line(&call.argv));
    match process::run_in_our_place(&mut command) {
        Ok(Ended::Status(status)) => process::exit_of(status),
        Ok(Ended::Signalled(signal)) => process::end_by(signal),
        Err(error) => {
            crate::error!("failed to exec {name}: {error}");
            Exit::COMPILER_MISSING
        }
    }
}
