//! Pimoroni Explorer HAT Pro and Explorer pHAT: a DRV8833 with its four inputs on GPIO
//! lines, pulse-width modulated in software.
//!
//! As in Pimoroni's library, one input of a bridge is modulated at 100 Hz while the other
//! is low (fast decay). Both low lets the motor roll, both high brakes it. The lines keep
//! their level when a process dies, so the thread behind them leaves them low by any road.

use std::fmt::Display;
use std::time::Duration;

use embedded_hal::digital::OutputPin;

use super::board::{Board, BoardError};
use super::settings::{Motor, Output, Settings, StopMode};
use super::soft_pwm::{PERIOD, SoftPwm};
use crate::drive::{Throttle, Wheels};

/// M1 forward and backward, M2 forward and backward, by the numbers of the processor.
pub(super) const PINS: [u8; 4] = [20, 19, 26, 21];

/// Time per period that a motor's forward and backward input are high.
type Inputs = [Duration; 2];

struct ExplorerHat<P: OutputPin<Error: Display> + Send + 'static> {
    pwm: SoftPwm<P>,
    left: Motor,
    right: Motor,
    stop: StopMode,
}

/// A board on the lines of [`PINS`], all low.
pub(super) fn new<P: OutputPin<Error: Display> + Send + 'static>(
    lines: [P; 4],
    settings: &Settings,
) -> Result<Box<dyn Board>, BoardError> {
    Ok(Box::new(ExplorerHat {
        pwm: SoftPwm::start(lines)?,
        left: settings.left,
        right: settings.right,
        stop: settings.stop,
    }))
}

impl<P: OutputPin<Error: Display> + Send + 'static> Board for ExplorerHat<P> {
    fn drive(&mut self, wheels: Wheels) -> Result<(), BoardError> {
        let left = inputs(self.left.throttle(wheels.left), self.stop);
        let right = inputs(self.right.throttle(wheels.right), self.stop);
        let mut high = [Duration::ZERO; 4];
        high[place(self.left.output)].copy_from_slice(&left);
        high[place(self.right.output)].copy_from_slice(&right);
        self.pwm.set(high)
    }

    fn stop(&mut self) -> Result<(), BoardError> {
        self.drive(Wheels::REST)
    }

    fn check(&mut self) -> Result<(), BoardError> {
        self.pwm.check()
    }
}

/// Where an output's lines are in [`PINS`]. Only M1 and M2 pass the configuration.
fn place(output: Output) -> std::ops::Range<usize> {
    match output {
        Output::M1 | Output::M3 => 0..2,
        Output::M2 | Output::M4 => 2..4,
    }
}

fn inputs(throttle: Throttle, stop: StopMode) -> Inputs {
    let throttle = throttle.get();
    let high = PERIOD.mul_f64(throttle.abs());
    if throttle > 0.0 {
        [high, Duration::ZERO]
    } else if throttle < 0.0 {
        [Duration::ZERO, high]
    } else {
        match stop {
            StopMode::Coast => [Duration::ZERO; 2],
            StopMode::Brake => [PERIOD; 2],
        }
    }
}

#[cfg(test)]
mod tests {
    use embedded_hal_mock::eh1::MockError;
    use embedded_hal_mock::eh1::digital::State::{High, Low};
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};

    use super::*;
    use crate::motors::Driver;

    /// M1 forward, M1 backward, M2 forward, M2 backward.
    type Transcript<'a> = [&'a [State]; 4];

    fn settings(stop: StopMode) -> Settings {
        Settings {
            stop,
            ..Settings::new(Driver::ExplorerHat)
        }
    }

    fn wheels(left: f64, right: f64) -> Wheels {
        Wheels {
            left: Throttle::new(left).unwrap(),
            right: Throttle::new(right).unwrap(),
        }
    }

    /// Runs a board on lines that take these levels in this order and no others. Full
    /// throttle holds a line high, so no pulses come between.
    fn drive(settings: &Settings, transcript: Transcript<'_>, run: impl FnOnce(&mut dyn Board)) {
        let mut lines = transcript.map(|levels| {
            let expected: Vec<_> = levels.iter().cloned().map(Transaction::set).collect();
            Mock::new(&expected)
        });
        let mut board = new(lines.clone(), settings).unwrap();
        run(board.as_mut());
        drop(board);
        lines.iter_mut().for_each(Mock::done);
    }

    #[test]
    fn forward_then_reverse_then_stop_and_all_lines_end_low() {
        let transcript: Transcript<'_> = [
            &[Low, High, Low, Low],
            &[Low, High, Low, Low],
            &[Low, High, Low, Low],
            &[Low, High, Low, Low],
        ];
        drive(&settings(StopMode::Coast), transcript, |board| {
            board.drive(wheels(1.0, 1.0)).unwrap();
            board.drive(wheels(-1.0, -1.0)).unwrap();
            board.stop().unwrap();
        });
    }

    #[test]
    fn left_turns_the_left_wheel_back_and_the_right_one_forward() {
        let transcript: Transcript<'_> = [
            &[Low, Low],
            &[Low, High, Low],
            &[Low, High, Low],
            &[Low, Low],
        ];
        drive(&settings(StopMode::Coast), transcript, |board| {
            board.drive(wheels(-1.0, 1.0)).unwrap();
        });
    }

    #[test]
    fn a_brake_holds_both_inputs_high_and_a_board_given_up_lets_go() {
        let held: &[State] = &[Low, High, Low];
        drive(&settings(StopMode::Brake), [held; 4], |board| {
            board.stop().unwrap()
        });
    }

    #[test]
    fn outputs_and_directions_are_the_owners() {
        let swapped = Settings {
            left: Motor {
                output: Output::M2,
                invert: true,
            },
            right: Motor::on(Output::M1),
            ..settings(StopMode::Coast)
        };
        let transcript: Transcript<'_> = [
            &[Low, High, Low],
            &[Low, Low],
            &[Low, Low],
            &[Low, High, Low],
        ];
        drive(&swapped, transcript, |board| {
            board.drive(wheels(1.0, 1.0)).unwrap()
        });
    }

    #[test]
    fn throttle_is_the_time_that_one_input_is_high() {
        let ms = Duration::from_millis;
        for (throttle, stop, forward, backward) in [
            (0.5, StopMode::Coast, 5, 0),
            (-0.25, StopMode::Brake, 0, 2),
            (1.0, StopMode::Coast, 10, 0),
            (0.0, StopMode::Coast, 0, 0),
            (0.0, StopMode::Brake, 10, 10),
        ] {
            let [high_forward, high_backward] = inputs(Throttle::new(throttle).unwrap(), stop);
            let half = if throttle == -0.25 {
                Duration::from_micros(500)
            } else {
                ms(0)
            };
            assert_eq!(high_forward, ms(forward), "{throttle}");
            assert_eq!(high_backward, ms(backward) + half, "{throttle}");
        }
    }

    #[test]
    fn a_line_that_fails_is_a_fault_and_all_others_are_made_low() {
        let broken = MockError::Io(std::io::ErrorKind::PermissionDenied);
        let levels = |levels: &[State]| {
            levels
                .iter()
                .cloned()
                .map(Transaction::set)
                .collect::<Vec<_>>()
        };
        let failing = vec![
            Transaction::set(Low),
            Transaction::set(High).with_error(broken),
            Transaction::set(Low),
            Transaction::set(Low),
        ];
        // Start, forward, low because of the fault, low because the board is given up.
        let mut lines = [
            Mock::new(&failing),
            Mock::new(&levels(&[Low, Low, Low])),
            Mock::new(&levels(&[Low, High, Low, Low])),
            Mock::new(&levels(&[Low, Low, Low])),
        ];
        let mut board = new(lines.clone(), &settings(StopMode::Coast)).unwrap();
        let fault = board.drive(wheels(1.0, 1.0)).unwrap_err().words();
        assert!(fault.contains("cannot set motor line 0 high"), "{fault}");
        assert!(fault.contains("PermissionDenied"), "{fault}");
        assert!(board.check().is_err(), "the fault is remembered");
        drop(board);
        lines.iter_mut().for_each(Mock::done);
    }
}
