//! A PCA9685 in memory, as far as its datasheet says what a transfer does to it; for tests
//! that begin with whatever an earlier process left in the chip.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use embedded_hal::i2c::{
    ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation, SevenBitAddress,
};

use super::{FULL, Output, register};

const SLEEP: u8 = 0x10;
const EXTCLK: u8 = 0x40;
const AUTO_INCREMENT: u8 = 0x20;
const ALL_LED_ON_L: u8 = 0xfa;
const LAST_CHANNEL: u8 = 15;

/// A chip that tests can look into while a board owns its bus.
#[derive(Clone)]
pub(super) struct Chip(Arc<Mutex<Silicon>>);

pub(super) struct Silicon {
    address: u8,
    registers: [u8; 256],
    transfers: usize,
    /// Which transfer is not acknowledged.
    deaf_at: Option<usize>,
    /// After each transfer that was: does any motor turn?
    pub(super) turning: Vec<bool>,
}

impl Chip {
    /// As the supply left it: asleep, everything off.
    pub(super) fn new(address: u8) -> Self {
        let mut silicon = Silicon {
            address,
            registers: [0; 256],
            transfers: 0,
            deaf_at: None,
            turning: Vec::new(),
        };
        silicon.reset();
        Self(Arc::new(Mutex::new(silicon)))
    }

    /// As somebody left it: MODE1, MODE2, then the sixteen channels.
    pub(super) fn left_with(self, mode1: u8, mode2: u8, channels: &[u8]) -> Self {
        let mut silicon = self.look();
        silicon.registers[usize::from(register::MODE1)] = mode1;
        silicon.registers[usize::from(register::MODE2)] = mode2;
        let first = usize::from(register::LED0_ON_L);
        silicon.registers[first..first + channels.len()].copy_from_slice(channels);
        drop(silicon);
        self
    }

    /// The transfer after `transfers` more is not acknowledged.
    pub(super) fn deaf_after(&self, transfers: usize) {
        let mut silicon = self.look();
        silicon.deaf_at = Some(silicon.transfers + transfers);
    }

    pub(super) fn look(&self) -> MutexGuard<'_, Silicon> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Silicon {
    pub(super) fn reset(&mut self) {
        self.registers = [0; 256];
        self.registers[usize::from(register::MODE1)] = 0x11;
        self.registers[usize::from(register::MODE2)] = 0x04;
        self.registers[usize::from(register::PRE_SCALE)] = 0x1e;
        for channel in 0..=LAST_CHANNEL {
            self.registers[usize::from(register::LED0_ON_L + 4 * channel + 3)] = FULL;
        }
    }

    pub(super) fn register(&self, register: u8) -> u8 {
        self.registers[usize::from(register)]
    }

    pub(super) fn channel(&self, channel: u8) -> [u8; 4] {
        std::array::from_fn(|i| self.registers[usize::from(register::LED0_ON_L + 4 * channel) + i])
    }

    /// Is the output high for some of the time?
    fn is_high(&self, channel: u8) -> bool {
        let [on_l, on_h, off_l, off_h] = self.channel(channel);
        let always_on = on_h & FULL != 0;
        let pulses = [on_l, on_h & 0x0f] != [off_l, off_h & 0x0f];
        off_h & FULL == 0 && (always_on || pulses)
    }

    /// Current flows through the motor one way or the other.
    pub(super) fn turns(&self, output: Output) -> bool {
        let [pwm, one, other] = match output {
            Output::M1 => [8, 9, 10],
            Output::M2 => [13, 12, 11],
            Output::M3 => [2, 3, 4],
            Output::M4 => [7, 6, 5],
        };
        let always = |channel| self.channel(channel) == super::ALWAYS_ON;
        let braked = always(one) && always(other);
        self.is_high(pwm) && (self.is_high(one) || self.is_high(other)) && !braked
    }

    fn write(&mut self, register: u8, value: u8) {
        let old = self.register(register);
        match register {
            // EXTCLK stays until the supply goes.
            register::MODE1 => self.registers[0] = (value & 0x7f) | (old & EXTCLK),
            register::PRE_SCALE if self.register(register::MODE1) & SLEEP == 0 => {}
            register::PRE_SCALE => self.registers[usize::from(register)] = value.max(3),
            ALL_LED_ON_L..=register::ALL_LED_OFF_H => {
                for channel in 0..=LAST_CHANNEL {
                    let offset = register - ALL_LED_ON_L;
                    let one = register::LED0_ON_L + 4 * channel + offset;
                    self.registers[usize::from(one)] = value;
                }
            }
            _ => self.registers[usize::from(register)] = value,
        }
    }

    fn transfer(&mut self, operations: &mut [Operation<'_>]) {
        let mut pointer = 0u8;
        for operation in operations {
            match operation {
                Operation::Write(bytes) => {
                    let Some((first, data)) = bytes.split_first() else {
                        continue;
                    };
                    pointer = *first;
                    for value in data {
                        self.write(pointer, *value);
                        pointer = self.next(pointer);
                    }
                }
                Operation::Read(bytes) => {
                    for value in bytes.iter_mut() {
                        *value = self.register(pointer);
                        pointer = self.next(pointer);
                    }
                }
            }
        }
        let turning = Output::ALL.into_iter().any(|output| self.turns(output));
        self.turning.push(turning);
    }

    fn next(&self, pointer: u8) -> u8 {
        let increment = self.register(register::MODE1) & AUTO_INCREMENT != 0;
        pointer.wrapping_add(u8::from(increment))
    }
}

impl ErrorType for Chip {
    type Error = ErrorKind;
}

impl I2c<SevenBitAddress> for Chip {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), ErrorKind> {
        let mut silicon = self.look();
        let this = silicon.transfers;
        silicon.transfers += 1;
        if address != silicon.address || silicon.deaf_at == Some(this) {
            return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
        }
        silicon.transfer(operations);
        Ok(())
    }
}
