//! Ports of our own, and a count of what passes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Listens on a port of its own and passes everything on to `hidden`, counting.
pub(crate) fn count_between(hidden: u16, bytes: Arc<AtomicU64>) -> u16 {
    listen(move |client| {
        let Ok(server) = TcpStream::connect(("127.0.0.1", hidden)) else { return };
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
            let bytes = Arc::clone(&bytes);
            thread::spawn(move || pass_on(from, to, &bytes));
        }
    })
}

/// Serves each connection to a port of its own in a thread.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its number").port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(client));
        }
    });
    port
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, bytes: &AtomicU64) {
    let mut buffer = vec![0; 256 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        bytes.fetch_add(count as u64, Ordering::SeqCst);
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}
