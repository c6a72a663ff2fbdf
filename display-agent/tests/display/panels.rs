//! The panels' byte streams, against a controller in memory that understands them.

use std::fmt;
use std::sync::{Arc, Mutex};

use display_agent::screen::panel::{Model, Mounting, start};
use display_agent::screen::{Frame, Sink};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_hal::spi::{self, ErrorKind, Operation, SpiDevice};

use crate::controller::{Controller, NoDelay, Wire};

fn panel(model: Model, mounting: Mounting) -> (Box<dyn Sink>, Arc<Mutex<Controller>>) {
    let controller = Controller::new();
    let (bus, dc, backlight) = Controller::wires(&controller);
    let sink = start(
        model,
        mounting,
        bus,
        dc,
        None,
        Some(backlight),
        &mut NoDelay,
    )
    .unwrap();
    (sink, controller)
}

/// No two corners alike, and no axis like another.
fn test_frame() -> Frame {
    let mut frame = Frame::black();
    let places = (0..240).flat_map(|y| (0..320).map(move |x| Point::new(x, y)));
    let Ok(()) = frame.draw_iter(places.map(|p| {
        let colour = Rgb888::new((p.x % 256) as u8, p.y as u8, ((p.x + 2 * p.y) % 256) as u8);
        Pixel(p, colour)
    }));
    frame
}

fn turned(frame: &Frame, to: impl Fn(Point) -> Point) -> Frame {
    let mut turned = Frame::black();
    let places = (0..240).flat_map(|y| (0..320).map(move |x| Point::new(x, y)));
    let Ok(()) = turned.draw_iter(
        places
            .zip(frame.pixels())
            .map(|(p, c)| Pixel(to(p), Rgb888::from(*c))),
    );
    turned
}

#[test]
fn an_ili9341_is_initialised_as_its_datasheet_says() {
    let (_sink, controller) = panel(Model::Ili9341, Model::Ili9341.usual_mounting());
    let expected: [(u8, &[u8]); 8] = [
        (0x01, &[]),     // software reset
        (0x36, &[0x68]), // memory access: column order, exchange, BGR: landscape
        (0xb4, &[0x00]), // column inversion
        (0x20, &[]),     // colours not inverted
        (0x3a, &[0x55]), // 16 bits a pixel
        (0x13, &[]),     // normal mode
        (0x11, &[]),     // sleep out
        (0x29, &[]),     // display on
    ];
    assert_commands(&controller.lock().unwrap(), &expected);
}

#[test]
fn an_st7789_is_initialised_as_its_datasheet_says() {
    let (_sink, controller) = panel(Model::St7789, Model::St7789.usual_mounting());
    let expected: [(u8, &[u8]); 7] = [
        (0x01, &[]),     // software reset
        (0x11, &[]),     // sleep out
        (0x36, &[0x60]), // memory access: column order, exchange, RGB: landscape
        (0x21, &[]),     // colours inverted, as IPS glass needs
        (0x3a, &[0x55]), // 16 bits a pixel
        (0x13, &[]),     // normal mode
        (0x29, &[]),     // display on
    ];
    assert_commands(&controller.lock().unwrap(), &expected);
}

fn assert_commands(controller: &Controller, expected: &[(u8, &[u8])]) {
    let commands: Vec<_> = controller
        .commands
        .iter()
        .map(|(c, p)| (*c, p.as_slice()))
        .collect();
    assert_eq!(commands, expected);
    assert!(!controller.lit, "the backlight waits for the first frame");
}

#[test]
fn a_frame_is_one_window_and_its_pixels_high_byte_first() {
    for model in [Model::Ili9341, Model::St7789] {
        let (mut sink, controller) = panel(model, model.usual_mounting());
        let (commands, bytes) = {
            let controller = controller.lock().unwrap();
            (controller.commands.len(), controller.bytes)
        };
        sink.show(&test_frame()).unwrap();
        let controller = controller.lock().unwrap();
        let sent: Vec<_> = controller.commands[commands..]
            .iter()
            .map(|(c, p)| (*c, p.as_slice()))
            .collect();
        let expected: [(u8, &[u8]); 3] =
            [(0x2a, &[0, 0, 1, 63]), (0x2b, &[0, 0, 0, 239]), (0x2c, &[])];
        assert_eq!(sent, expected, "{model:?}");
        assert_eq!(
            controller.bytes - bytes,
            153_600 + 11,
            "nothing is sent twice"
        );
        assert!(
            controller.longest_write <= 4096,
            "spidev takes no more at once"
        );
        assert!(controller.lit);
    }
}

#[test]
fn what_the_glass_shows_is_the_frame_whichever_way_it_is_mounted() {
    let frame = test_frame();
    for model in [Model::Ili9341, Model::St7789] {
        let usual = model.usual_mounting();
        let seen = |mounting| {
            let (mut sink, controller) = panel(model, mounting);
            sink.show(&frame).unwrap();
            controller.lock().unwrap().glass()
        };
        assert!(seen(usual) == frame, "{model:?} upright");
        let over = turned(&frame, |p| Point::new(319 - p.x, 239 - p.y));
        assert!(
            seen(Mounting {
                upside_down: true,
                ..usual
            }) == over,
            "{model:?} upside down"
        );
        let mirrored = turned(&frame, |p| Point::new(319 - p.x, p.y));
        assert!(
            seen(Mounting {
                mirror: true,
                ..usual
            }) == mirrored,
            "{model:?} in a mirror"
        );
    }
}

#[test]
fn colour_order_and_inversion_are_the_owners() {
    for (bgr, invert) in [(false, false), (false, true), (true, false), (true, true)] {
        let usual = Model::Ili9341.usual_mounting();
        let (_sink, controller) = panel(
            Model::Ili9341,
            Mounting {
                bgr,
                invert,
                ..usual
            },
        );
        let controller = controller.lock().unwrap();
        assert_eq!(controller.last(0x36).unwrap()[0] & 0x08 != 0, bgr);
        assert_eq!(controller.last(0x21).is_some(), invert);
        assert_eq!(controller.last(0x20).is_some(), !invert);
    }
}

#[test]
fn a_connected_reset_line_is_pulsed_first() {
    let controller = Controller::new();
    let (bus, dc, backlight) = Controller::wires(&controller);
    // The backlight's wire stands in for a reset line: it must be left high.
    start(
        Model::Ili9341,
        Model::Ili9341.usual_mounting(),
        bus,
        dc,
        Some(backlight),
        None,
        &mut NoDelay,
    )
    .unwrap();
    assert!(controller.lock().unwrap().lit, "reset is released");
}

/// A bus that breaks after so many bytes.
struct Frayed {
    wire: Wire,
    left: usize,
}

#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl spi::Error for Broken {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl spi::ErrorType for Frayed {
    type Error = Broken;
}

impl SpiDevice for Frayed {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Broken> {
        let bytes: usize = operations
            .iter()
            .map(|operation| match operation {
                Operation::Write(bytes) => bytes.len(),
                _ => 0,
            })
            .sum();
        self.left = self.left.checked_sub(bytes).ok_or(Broken)?;
        self.wire.transaction(operations).map_err(|_| Broken)
    }
}

#[test]
fn a_panel_that_goes_away_is_an_error_in_words_wherever_it_breaks() {
    for left in [0, 5, 20, 100, 5000, 150_000] {
        let controller = Controller::new();
        let (wire, dc, backlight) = Controller::wires(&controller);
        let bus = Frayed { wire, left };
        let mounting = Model::Ili9341.usual_mounting();
        let opened = start(
            Model::Ili9341,
            mounting,
            bus,
            dc,
            None,
            Some(backlight),
            &mut NoDelay,
        );
        let fault = opened
            .and_then(|mut sink| sink.show(&test_frame()))
            .unwrap_err();
        assert!(fault.what.contains("does not take"), "{fault}");
        assert!(fault.remedy.contains("cable"), "{fault}");
    }
}

#[test]
fn a_missing_bus_is_explained() {
    use display_agent::screen::panel;
    let settings = panel::Settings {
        model: Model::Ili9341,
        spi: "/nonexistent/spidev0.0".into(),
        spi_hz: 32_000_000,
        dc: 25,
        reset: None,
        backlight: None,
        gpio_chip: None,
        mounting: Model::Ili9341.usual_mounting(),
    };
    let Err(fault) = panel::open(&settings) else {
        panic!("there is no such bus");
    };
    assert!(fault.what.contains("/nonexistent/spidev0.0"), "{fault}");
    assert!(
        fault.remedy.contains("raspi-config") && fault.remedy.contains("overlay"),
        "{fault}"
    );
}
