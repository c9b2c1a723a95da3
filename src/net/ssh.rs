//! A volunteer behind ssh: the protocol's bytes over the stdin and stdout of `distccd --inetd`.
//!
//! Source: distcc 3.4 runs `$DISTCC_SSH… [-l USER] HOST COMMAND --inetd --enable-tcp-insecure`.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

/// The daemon's name where the host spec names no command.
const DEFAULT_COMMAND: &str = "distccd";

/// Splits the value of `DISTCC_SSH` as a shell would; what a shell would refuse is split at blanks,
/// as 3.4 does.
pub fn words(text: Option<&str>) -> Vec<String> {
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or("ssh");
    shell_words::split(text)
        .unwrap_or_else(|_| text.split_whitespace().map(str::to_owned).collect())
}

/// Runs ssh and returns our end of the byte stream (non-blocking) and the process.
///
/// `ssh` is the command as words; `env` is added to its environment.
///
/// # Errors
///
/// What making the socket pair or starting the program met; `InvalidInput` for a host or user that
/// ssh would take for an option.
pub fn connect(
    ssh: &[String],
    user: Option<&str>,
    host: &str,
    command: Option<&str>,
    env: &[(OsString, OsString)],
) -> io::Result<(UnixStream, Child)> {
    let looks_like_option = |word: &str| word.starts_with('-');
    if looks_like_option(host) || user.is_some_and(looks_like_option) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{host}`: a host or user name cannot begin with `-`"),
        ));
    }
    let (ours, theirs) = UnixStream::pair()?;
    let stdin = OwnedFd::from(theirs.try_clone()?);
    let default = "ssh".to_owned();
    let (program, words) = ssh.split_first().unwrap_or((&default, &[]));
    let mut run = Command::new(program);
    run.args(words);
    if let Some(user) = user {
        run.args(["-l", user]);
    }
    run.args([host, command.unwrap_or(DEFAULT_COMMAND), "--inetd", "--enable-tcp-insecure"]);
    run.envs(env.iter().map(|(name, value)| (name, value)));
    run.stdin(Stdio::from(stdin)).stdout(Stdio::from(OwnedFd::from(theirs)));
    let child = run.spawn().map_err(|error| {
        io::Error::new(error.kind(), format!("cannot run `{program}` (DISTCC_SSH): {error}"))
    })?;
    ours.set_nonblocking(true)?;
    Ok((ours, child))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn ssh_command_is_split_as_a_shell_would() {
        assert_eq!(words(None), ["ssh"]);
        assert_eq!(words(Some("  ")), ["ssh"]);
        assert_eq!(words(Some("ssh -p 22 -i 'my key'")), ["ssh", "-p", "22", "-i", "my key"]);
        assert_eq!(words(Some("ssh -i it's")), ["ssh", "-i", "it's"]);
    }

    #[test]
    fn the_stream_is_the_programs_stdin_and_stdout() {
        let shell = ["sh", "-c", "cat; echo \"$@\"", "ssh"].map(str::to_owned);
        let (mut stream, mut child) = connect(&shell, Some("me"), "host", None, &[]).unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.write_all(b"there and back\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "there and back\n-l me host distccd --inetd --enable-tcp-insecure\n");
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn a_host_name_cannot_smuggle_an_option() {
        let ssh = ["ssh".to_owned()];
        assert!(connect(&ssh, None, "-oProxyCommand=x", None, &[]).is_err());
        assert!(connect(&ssh, Some("-oProxyCommand=x"), "h", None, &[]).is_err());
    }
}
