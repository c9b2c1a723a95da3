//! One client, on standard input and output: for inetd, `Accept=yes` sockets, and ssh.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::base::exit::Exit;
use crate::daemon::client::{Client, Sent};
use crate::daemon::job;
use crate::daemon::service::Service;
use crate::daemon::summary::{Outcome, Summary};
use crate::net::listen::{self, Standard};
use crate::protocol::request::{Request, RequestDecoder};
use crate::protocol::wire_error::WireError;
use crate::{error, info};

/// Serves the client; the exit code is the daemon's own, whatever the compiler's.
pub fn serve(service: &Service) -> Exit {
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        let registered = service
            .abort_by_signal()
            .and_then(|pipe| signal_hook::low_level::pipe::register(signal, pipe));
        if let Err(error) = registered {
            error!("cannot listen to signals: {error}");
        }
    }
    let client = match listen::standard() {
        Ok(Standard::Pipes(input, output)) => Client::on_pipes(input, output),
        Ok(Standard::Socket(stream, None)) => Client::on_socket(stream, "UNIX".to_owned()),
        Ok(Standard::Socket(stream, Some(address))) => {
            if !service.allows(address.ip()) {
                error!("connection from client '{address}' denied by access list");
                return Exit::ACCESS_DENIED;
            }
            Client::on_socket(stream, address.to_string())
        }
        Err(error) => {
            error!("standard input or output is closed: {error}");
            return Exit::IO_ERROR;
        }
    };
    service.stats.accepted();
    info!("connection from {}", client.name);
    let request = match receive(service, &client) {
        Ok(request) => request,
        Err((outcome, exit)) => {
            Summary::without_compile(outcome, exit, client.arrived.elapsed()).log(&client.name);
            return exit;
        }
    };
    let served = job::serve(service, &client, request);
    let mut summary = served.summary;
    let mut exit = summary.exit;
    if let Some(reply) = served.reply {
        exit = Exit::OK;
        if !send(service, &client, &reply) {
            exit = Exit::IO_ERROR;
            (summary.outcome, summary.exit) = (Outcome::CliDisconn, exit);
        }
    }
    summary.time = client.arrived.elapsed();
    summary.log(&client.name);
    exit
}

fn receive(service: &Service, client: &Client) -> Result<Request, (Outcome, Exit)> {
    let mut decoder = RequestDecoder::new(&service.limits);
    let mut chunk = vec![0; 64 * 1024];
    let whole = service.config.transfer_timeout.map(|whole| Instant::now() + whole);
    loop {
        wait(service, client, PollFlags::IN, whole)?;
        let count = match rustix::io::read(client.input(), &mut chunk) {
            Ok(count) => count,
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
            Err(error) => {
                error!("cannot read the request: {error}");
                return Err((Outcome::CliDisconn, Exit::IO_ERROR));
            }
        };
        if count == 0 {
            let error = decoder.finish();
            if error != WireError::Silent {
                error!("the request is cut short: {error}");
            }
            return Err((Outcome::Other, Exit::TRUNCATED));
        }
        match decoder.push(chunk.get(..count).unwrap_or_default()) {
            Ok(Some(request)) => return Ok(request),
            Ok(None) => {}
            Err(error) => {
                error!("bad request: {error}");
                return Err((Outcome::RejBadReq, Exit::PROTOCOL_ERROR));
            }
        }
    }
}

fn send(service: &Service, client: &Client, reply: &[u8]) -> bool {
    let mut sent = 0;
    if rustix::io::ioctl_fionbio(client.output(), true).is_err() {
        return false;
    }
    let whole = service.config.transfer_timeout.map(|whole| Instant::now() + whole);
    let all = loop {
        match client.send(reply.get(sent..).unwrap_or_default()) {
            Sent::All => break true,
            Sent::Failed => break false,
            Sent::Part(count) => sent += count,
        }
        if wait(service, client, PollFlags::OUT, whole).is_err() {
            break false;
        }
    };
    // The pipe is shared with whoever started us.
    let _ = rustix::io::ioctl_fionbio(client.output(), false);
    all
}

/// Waits until the client can be read from or written to.
fn wait(
    service: &Service,
    client: &Client,
    flags: PollFlags,
    whole: Option<Instant>,
) -> Result<(), (Outcome, Exit)> {
    let silence = Instant::now() + service.config.io_timeout;
    let deadline = whole.map_or(silence, |whole| whole.min(silence));
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            error!("the client says nothing for too long");
            return Err((Outcome::CliDisconn, Exit::TIMEOUT));
        }
        let (line, abort) = match flags {
            PollFlags::IN => (client.input(), service.aborted()),
            _ => (client.output(), service.aborted()),
        };
        let mut fds = [PollFd::new(&line, flags), PollFd::new(&abort, PollFlags::IN)];
        let left = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        if poll(&mut fds, Some(&left)).is_ok() {
            let [line, abort] = fds.map(|fd| !fd.revents().is_empty());
            if abort {
                return Err((Outcome::Other, Exit::GONE));
            }
            if line {
                return Ok(());
            }
        }
    }
}
