//! A panel that exists only in memory: the controller's side of the SPI bus.
//!
//! It understands the few commands of ILI9341 and ST7789 that matter to a picture (their datasheets,
//! "Commands": 2Ah column address, 2Bh page address, 2Ch memory write, 36h memory access control,
//! 3Ah pixel format, 20h/21h inversion, 11h sleep out, 29h display on) and keeps what its glass would
//! show. So the whole road to a panel can be driven and looked at without one.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use display_agent::screen::Frame;
use embedded_graphics::pixelcolor::raw::RawU16;
use embedded_graphics::pixelcolor::{Rgb565, Rgb888};
use embedded_graphics::prelude::*;
use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{self, OutputPin};
use embedded_hal::spi::{self, Operation, SpiDevice};

/// Both controllers have a memory of 240×320, whichever way the panel is mounted.
const COLUMNS: usize = 240;
const PAGES: usize = 320;

/// The controller and everything that reached it.
#[derive(Debug)]
pub(crate) struct Controller {
    /// Every command with its parameters; of a memory write only the command.
    pub(crate) commands: Vec<(u8, Vec<u8>)>,
    /// Bytes that crossed the bus.
    pub(crate) bytes: usize,
    /// The longest single write.
    pub(crate) longest_write: usize,
    /// Whether the backlight pin is high.
    pub(crate) lit: bool,
    data: bool,
    window: [usize; 4],
    cursor: (usize, usize),
    half: Option<u8>,
    memory: Vec<u16>,
}

/// One end of a wire to the controller.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    controller: Arc<Mutex<Controller>>,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Bus,
    DataCommand,
    Backlight,
}

impl Controller {
    /// Powered, and dark.
    pub(crate) fn new() -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            commands: Vec::new(),
            bytes: 0,
            longest_write: 0,
            lit: false,
            data: false,
            window: [0, COLUMNS - 1, 0, PAGES - 1],
            cursor: (0, 0),
            half: None,
            memory: vec![0; COLUMNS * PAGES],
        }))
    }

    /// The wires to it: bus, data/command, backlight.
    pub(crate) fn wires(controller: &Arc<Mutex<Self>>) -> (Wire, Wire, Wire) {
        let wire = |role| Wire {
            controller: controller.clone(),
            role,
        };
        (
            wire(Role::Bus),
            wire(Role::DataCommand),
            wire(Role::Backlight),
        )
    }

    /// The parameters of the last such command.
    pub(crate) fn last(&self, command: u8) -> Option<&[u8]> {
        let found = self
            .commands
            .iter()
            .rev()
            .find(|(name, _)| *name == command);
        found.map(|(_, parameters)| parameters.as_slice())
    }

    /// What somebody sees who turned the portrait glass on its side, as it is in every case.
    pub(crate) fn glass(&self) -> Frame {
        let mut frame = Frame::black();
        let pixels = self.memory.iter().enumerate().map(|(at, pixel)| {
            let (column, page) = (at % COLUMNS, at / COLUMNS);
            let seen = Point::new(page as i32, (COLUMNS - 1 - column) as i32);
            Pixel(seen, Rgb888::from(Rgb565::from(RawU16::new(*pixel))))
        });
        let Ok(()) = frame.draw_iter(pixels);
        frame
    }

    fn write(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.longest_write = self.longest_write.max(bytes.len());
        if !self.data {
            self.commands
                .extend(bytes.iter().map(|command| (*command, Vec::new())));
            (self.cursor, self.half) = ((self.window[0], self.window[2]), None);
            return;
        }
        match self.commands.last_mut() {
            Some((0x2c, _)) => bytes.iter().for_each(|byte| self.take_pixel_byte(*byte)),
            Some((command, parameters)) => {
                parameters.extend(bytes);
                if let (command @ (0x2a | 0x2b), [a, b, c, d]) = (*command, parameters.as_slice()) {
                    let at = if command == 0x2a { 0 } else { 2 };
                    self.window[at] = usize::from(u16::from_be_bytes([*a, *b]));
                    self.window[at + 1] = usize::from(u16::from_be_bytes([*c, *d]));
                }
            }
            None => {}
        }
    }

    fn take_pixel_byte(&mut self, byte: u8) {
        let Some(high) = self.half.take() else {
            self.half = Some(byte);
            return;
        };
        let (x, y) = self.cursor;
        // ILI9341 8.2.29: MV exchanges columns and pages, MX and MY count them backwards.
        let control = self
            .last(0x36)
            .and_then(|p| p.first())
            .copied()
            .unwrap_or(0);
        let (column, page) = if control & 0x20 != 0 { (y, x) } else { (x, y) };
        if column < COLUMNS && page < PAGES {
            let column = if control & 0x40 != 0 {
                COLUMNS - 1 - column
            } else {
                column
            };
            let page = if control & 0x80 != 0 {
                PAGES - 1 - page
            } else {
                page
            };
            self.memory[page * COLUMNS + column] = u16::from_be_bytes([high, byte]);
        }
        self.cursor = if x < self.window[1] {
            (x + 1, y)
        } else {
            (self.window[0], y + 1)
        };
    }
}

impl Wire {
    fn controller(&self) -> MutexGuard<'_, Controller> {
        self.controller
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&mut self, high: bool) {
        let role = self.role;
        let mut controller = self.controller();
        match role {
            Role::DataCommand => controller.data = high,
            Role::Backlight => controller.lit = high,
            Role::Bus => {}
        }
    }
}

impl spi::ErrorType for Wire {
    type Error = Infallible;
}

impl SpiDevice for Wire {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Infallible> {
        for operation in operations {
            if let Operation::Write(bytes) = operation {
                self.controller().write(bytes);
            }
        }
        Ok(())
    }
}

impl digital::ErrorType for Wire {
    type Error = Infallible;
}

impl OutputPin for Wire {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.set(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.set(true);
        Ok(())
    }
}

/// A panel in memory needs no time to wake up.
pub(crate) struct NoDelay;

impl DelayNs for NoDelay {
    fn delay_ns(&mut self, _: u32) {}
}
