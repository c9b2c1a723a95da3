//! Volunteers that misbehave: they hang up, stall, lie, or spoil the reply of an honest one.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a volunteer does to each client.
#[derive(Clone)]
pub enum Fault {
    /// Hangs up after so many bytes of the request.
    CloseAfter(usize),
    /// Reads so many bytes of the request, then does nothing more.
    StallAfter(usize),
    /// Reads the whole request, sends these bytes, hangs up.
    Answer(Vec<u8>),
    /// Reads the whole request, sends these bytes, then does nothing more.
    AnswerThenStall(Vec<u8>),
    /// Lets the honest volunteer at this port answer, and spoils what it said.
    Spoil(u16, Arc<dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync>),
}

impl Fault {
    /// [`Fault::Spoil`] by a function.
    pub fn spoil(port: u16, edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::Spoil(port, Arc::new(edit))
    }
}

/// A misbehaving volunteer on a port of loopback.
pub struct FaultyVolunteer {
    /// Its port.
    pub port: u16,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl FaultyVolunteer {
    /// Starts listening.
    pub fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(AtomicUsize::new(0));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&connections));
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                count.fetch_add(1, Ordering::Relaxed);
                let (fault, stopped) = (fault.clone(), Arc::clone(&stopped));
                // The client may hang up first; that is its right, and no fault of the test.
                std::thread::spawn(move || drop(serve(stream.unwrap(), &fault, &stopped)));
            }
        });
        Self { port, connections, stop, acceptor: Some(acceptor) }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many clients came.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for FaultyVolunteer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn serve(mut stream: TcpStream, fault: &Fault, stop: &AtomicBool) -> std::io::Result<()> {
    match fault {
        Fault::CloseAfter(count) => read_some(&mut stream, *count),
        Fault::StallAfter(count) => {
            read_some(&mut stream, *count)?;
            stall(stop);
            Ok(())
        }
        Fault::Answer(bytes) => {
            read_request(&mut stream)?;
            stream.write_all(bytes)
        }
        Fault::AnswerThenStall(bytes) => {
            read_request(&mut stream)?;
            stream.write_all(bytes)?;
            stall(stop);
            Ok(())
        }
        Fault::Spoil(port, edit) => {
            let request = read_request(&mut stream)?;
            let mut honest = TcpStream::connect((Ipv4Addr::LOCALHOST, *port))?;
            honest.write_all(&request)?;
            let mut reply = Vec::new();
            honest.read_to_end(&mut reply)?;
            stream.write_all(&edit(reply))?;
            stream.shutdown(Shutdown::Write)
        }
    }
}

fn stall(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn read_some(stream: &mut TcpStream, count: usize) -> std::io::Result<()> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes)
}

/// Reads a request to its end, and gives its bytes.
fn read_request(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        match read_packet(stream, &mut request)? {
            (token, _) if token == *b"DOTI" => return Ok(request),
            (token, count) if token == *b"NFIL" => {
                // A name and what stands under it, each.
                for _ in 0..2 * count {
                    read_packet(stream, &mut request)?;
                }
                return Ok(request);
            }
            _ => {}
        }
    }
}

fn read_packet(stream: &mut TcpStream, request: &mut Vec<u8>) -> std::io::Result<([u8; 4], u64)> {
    let mut header = [0; 12];
    stream.read_exact(&mut header)?;
    request.extend(header);
    let token = [header[0], header[1], header[2], header[3]];
    let digits = std::str::from_utf8(&header[4..]).unwrap_or_default();
    let value = u64::from_str_radix(digits, 16).unwrap_or_default();
    if ![b"DIST", b"ARGC", b"NFIL"].contains(&&token) {
        let body = stream.take(value).read_to_end(request)?;
        if body as u64 != value {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok((token, value))
}

/// Where each packet of a reply begins, and where the reply ends.
pub fn packet_starts(reply: &[u8]) -> Vec<usize> {
    let (mut at, mut starts) = (0, Vec::new());
    while at + 12 <= reply.len() {
        starts.push(at);
        let digits = std::str::from_utf8(&reply[at + 4..at + 12]).unwrap();
        let value = usize::from_str_radix(digits, 16).unwrap();
        let has_body = ![b"DONE", b"STAT"].contains(&reply[at..at + 4].try_into().unwrap());
        at += 12 + if has_body { value } else { 0 };
    }
    starts.push(reply.len());
    starts
}
