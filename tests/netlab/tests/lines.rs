//! What programs in two hosts find the lines between them to be.
//!
//! Bounds are wide where a busy machine may be slow, and tight where it must not matter.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use peerstream_netlab::{Access, Jitter, Lab, Line};

const PORT: u16 = 9000;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Sockets in the first two hosts that send to each other.
fn pair(lab: &Lab) -> Result<(UdpSocket, UdpSocket)> {
    let mut sockets = Vec::new();
    for (here, there) in [(0, 1), (1, 0)] {
        let (here, there) = (&lab.hosts()[here], &lab.hosts()[there]);
        let socket = here.within(|| Ok(UdpSocket::bind((here.address(), PORT))?))?;
        socket.connect((there.address(), PORT))?;
        socket.set_read_timeout(Some(ms(500)))?;
        sockets.push(socket);
    }
    let second = sockets.pop().context("two")?;
    Ok((sockets.pop().context("two")?, second))
}

/// How long each of `count` packets is on its way there and back, shortest first.
fn round_trips(lab: &Lab, count: u8) -> Result<Vec<Duration>> {
    let (one, two) = pair(lab)?;
    let mut times = Vec::new();
    let mut buffer = [0; 100];
    for number in 0..count {
        let begin = Instant::now();
        one.send(&[number; 100])?;
        two.recv(&mut buffer)?;
        two.send(&buffer)?;
        one.recv(&mut buffer)?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

#[test]
fn a_round_trip_is_the_sum_of_four_delays() -> Result<()> {
    let line = Line {
        delay: ms(10),
        ..Line::IDEAL
    };
    let access = Access {
        up: line,
        down: line,
    };
    let lab = Lab::new(&[access, access], 1)?;
    let times = round_trips(&lab, 25)?;
    // Never sooner, and once in a while on time, however busy the machine is.
    ensure!(times[0] >= ms(40) && times[0] < ms(44), "{times:?}");
    Ok(())
}

#[test]
fn jitter_comes_on_top() -> Result<()> {
    let up = Line {
        delay: ms(5),
        jitter: Jitter::Uniform(ms(40)),
        ..Line::IDEAL
    };
    let access = Access {
        up,
        down: Line::IDEAL,
    };
    let lab = Lab::new(&[access, access], 2)?;
    let times = round_trips(&lab, 40)?;
    ensure!(times[0] >= ms(10), "{times:?}");
    // The sum of two even draws: half are above 40 ms, one in 200 below 4 ms, and none is
    // above 80 ms, which only a busy machine may add to.
    ensure!(times[20] > ms(35), "{times:?}");
    ensure!(times[0] < ms(45), "{times:?}");
    Ok(())
}

#[test]
fn packets_are_lost_at_the_rate_asked_for_and_none_otherwise() -> Result<()> {
    for (loss, least, most) in [(0.0, 2000, 2000), (0.1, 1730, 1870)] {
        let up = Line {
            loss,
            ..Line::IDEAL
        };
        let access = Access {
            up,
            down: Line::IDEAL,
        };
        let lab = Lab::new(&[access, Access::IDEAL], 3)?;
        let (one, two) = pair(&lab)?;
        let receiver = std::thread::spawn(move || {
            let mut buffer = [0; 100];
            let mut received = 0;
            while two.recv(&mut buffer).is_ok() {
                received += 1;
            }
            received
        });
        for _ in 0..2000 {
            one.send(&[0; 100])?;
            // More at once than a socket's buffer holds would be lost there.
            std::thread::sleep(Duration::from_micros(50));
        }
        let received = receiver.join().map_err(|_| anyhow::anyhow!("panicked"))?;
        ensure!((least..=most).contains(&received), "{loss}: {received}");
        let traffic = lab.traffic(0).up;
        ensure!(traffic.packets + traffic.lost == 2000, "{traffic:?}");
    }
    Ok(())
}

#[test]
fn tcp_gets_the_rate_of_the_narrowest_line() -> Result<()> {
    const RATE: u64 = 20_000_000;
    const BYTES: usize = 2_500_000;
    let line = Line {
        delay: ms(5),
        ..Line::of_rate(RATE, ms(100))
    };
    let access = Access {
        up: line,
        down: Line::IDEAL,
    };
    let lab = Lab::new(&[access, Access::IDEAL], 4)?;
    let [sender, receiver] = lab.hosts() else {
        unreachable!("two hosts");
    };
    let address = SocketAddr::from((receiver.address(), PORT));
    let listener = receiver.within(|| Ok(TcpListener::bind(address)?))?;
    let reader = std::thread::spawn(move || -> Result<Duration> {
        let (mut stream, _) = listener.accept()?;
        let begin = Instant::now();
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        ensure!(all.len() == BYTES, "{} bytes", all.len());
        Ok(begin.elapsed())
    });
    let mut stream = sender.within(|| Ok(TcpStream::connect(address)?))?;
    stream.write_all(&vec![7; BYTES])?;
    drop(stream);
    let took = reader.join().map_err(|_| anyhow::anyhow!("panicked"))??;
    // A second at the full rate. Never faster; slower by slow start, and by a busy machine.
    ensure!(took >= ms(1000) && took < ms(3000), "{took:?}");
    let traffic = lab.traffic(0).up;
    ensure!(traffic.queued_most <= ms(100), "{traffic:?}");
    Ok(())
}

#[test]
fn a_line_can_be_changed_while_it_is_used() -> Result<()> {
    let lab = Lab::new(&[Access::IDEAL, Access::IDEAL], 5)?;
    ensure!(round_trips(&lab, 10)?[0] < ms(20));
    let slow = Line {
        delay: ms(50),
        ..Line::IDEAL
    };
    lab.set_access(
        1,
        Access {
            up: slow,
            down: Line::IDEAL,
        },
    );
    ensure!(round_trips(&lab, 3)?[0] >= ms(50));
    Ok(())
}
