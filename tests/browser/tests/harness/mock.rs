//! A server of one page, to try the harness on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PAGE: &str = include_str!("mock.html");
/// What the page says of itself, save who its parent is.
const STATS: &str = include_str!("../../src/stats.json");

/// Answers every request with the page, and remembers the paths asked for.
pub(crate) struct Mock {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Mock {
    /// Serves at any port of `address`, until this process ends.
    pub(crate) fn serve(address: Ipv4Addr) -> std::io::Result<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let paths = Arc::clone(&asked);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if let Ok(path) = answer(connection) {
                    lock(&paths).push(path);
                }
            }
        });
        Ok(Mock { address, asked })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn was_asked(&self, path: &str) -> bool {
        lock(&self.asked).iter().any(|asked| asked == path)
    }
}

fn answer(connection: TcpStream) -> std::io::Result<String> {
    let mut reader = BufReader::new(connection);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
    }
    let page = PAGE.replace("STATS", STATS).replace("PARENT", "null");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n";
    let length = page.len();
    write!(
        reader.get_mut(),
        "{head}content-length: {length}\r\n\r\n{page}"
    )?;
    Ok(request.split(' ').nth(1).unwrap_or_default().to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
