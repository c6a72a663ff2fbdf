//! Lines on their way to stderr. Whoever logs leaves a line here and goes on; one thread writes
//! them, and it alone waits: for a pipe that nobody reads, a full disk, a terminal that was halted.

use std::io::{self, ErrorKind, Write};
use std::mem::take;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Two thousand lines: an hour of a robot that is in order. What does not fit is lost.
const MAX_BYTES: usize = 256 * 1024;

/// How soon writing is tried again after it failed: the reader of a named pipe may come back, and
/// a full disk may be cleared.
const RETRY: Duration = Duration::from_secs(1);

/// Lines that wait for the thread that writes.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: Vec<u8>,
    /// Lines for which there was no room since `waiting` was taken last.
    lost: u64,
    /// Something was taken and is not written yet.
    writing: bool,
    /// The last attempt to write failed.
    failing: bool,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                waiting: Vec::new(),
                lost: 0,
                writing: false,
                failing: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Takes a line. Never waits for whoever reads the log, and never fails.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        // After a gap nothing is taken before the gap was told of, so that the log says where it is.
        if state.lost > 0 || state.waiting.len() + line.len() > MAX_BYTES {
            state.lost += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until everything is written, for `limit` at most, or until writing fails.
    pub(super) fn flush(&self, limit: Duration) {
        let pending = |state: &mut State| {
            !state.failing && (state.writing || !state.waiting.is_empty() || state.lost > 0)
        };
        let _ = self
            .changed
            .wait_timeout_while(self.lock(), limit, pending)
            .map_err(PoisonError::into_inner);
    }

    /// The life of the thread that writes.
    pub(super) fn write_to(&self, mut out: impl Write) -> ! {
        loop {
            let text = self.take();
            self.write(&mut out, &text);
            self.lock().writing = false;
            self.changed.notify_all();
        }
    }

    /// Waits for lines, and takes all that there are.
    fn take(&self) -> Vec<u8> {
        let empty = |state: &mut State| state.waiting.is_empty() && state.lost == 0;
        let state = self.changed.wait_while(self.lock(), empty);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.writing = true;
        let mut text = take(&mut state.waiting);
        let lost = take(&mut state.lost);
        if lost > 0 {
            text.extend(gap(lost).bytes());
        }
        text
    }

    fn write(&self, out: &mut impl Write, mut text: &[u8]) {
        while !text.is_empty() {
            match out.write(text) {
                Ok(written @ 1..) => {
                    text = &text[written..];
                    self.lock().failing = false;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => {
                    self.lock().failing = true;
                    self.changed.notify_all();
                    std::thread::sleep(RETRY);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gap(lost: u64) -> String {
    format!("… {lost} lines are missing here: the log could not be written\n")
}

/// One call with a whole line each.
impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    const LIMIT: Duration = Duration::from_secs(30);

    /// A reader under the test's control: each write waits until it is told how it goes.
    struct Pipe {
        outcomes: Receiver<io::Result<()>>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Pipe {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            // Without an outcome the test is over, and the thread may try for ever.
            self.outcomes.recv().map_err(io::Error::other)??;
            let _ = self.written.send(text.to_vec());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A queue whose writer waits for outcomes, and what it has written.
    fn start() -> (&'static Queue, Sender<io::Result<()>>, Receiver<Vec<u8>>) {
        let queue: &'static Queue = Box::leak(Box::new(Queue::new()));
        let ((outcome, outcomes), (written, reader)) = (channel(), channel());
        std::thread::spawn(move || queue.write_to(Pipe { outcomes, written }));
        (queue, outcome, reader)
    }

    fn text(reader: &Receiver<Vec<u8>>) -> String {
        String::from_utf8(reader.recv_timeout(LIMIT).unwrap()).unwrap()
    }

    #[test]
    fn a_log_that_nobody_reads_is_bounded_and_says_how_much_was_lost() {
        let (queue, outcome, reader) = start();
        queue.push(b"first\n");
        while !queue.lock().writing {
            std::thread::yield_now();
        }
        let line = [b'x'; 1000];
        for _ in 0..1000 {
            queue.push(&line);
        }
        let lost = 1000 - (MAX_BYTES / line.len()) as u64;
        assert_eq!(queue.lock().lost, lost);
        outcome.send(Ok(())).unwrap();
        assert_eq!(text(&reader), "first\n");
        outcome.send(Ok(())).unwrap();
        assert!(text(&reader).ends_with(&gap(lost)));
        queue.push(b"again\n");
        outcome.send(Ok(())).unwrap();
        assert_eq!(text(&reader), "again\n");
    }

    #[test]
    fn what_could_not_be_written_is_written_once_it_can_be() {
        let (queue, outcome, reader) = start();
        queue.push(b"a line\n");
        outcome.send(Err(ErrorKind::BrokenPipe.into())).unwrap();
        // Its end does not wait for a reader that is gone.
        queue.flush(LIMIT * 100);
        outcome.send(Ok(())).unwrap();
        assert_eq!(text(&reader), "a line\n");
    }

    #[test]
    fn the_end_waits_for_the_last_lines_and_not_for_ever() {
        let (queue, outcome, reader) = start();
        queue.push(b"the last line\n");
        queue.flush(Duration::from_millis(1));
        assert!(reader.try_recv().is_err());
        outcome.send(Ok(())).unwrap();
        queue.flush(LIMIT);
        assert_eq!(reader.try_recv().unwrap(), b"the last line\n");
    }
}
