//! Framebuffers as the kernel presents them: a folder of small files, and a device to write to.

use std::fs;
use std::path::Path;

use display_agent::screen::framebuffer::{Framebuffer, Settings};
use display_agent::screen::{Frame, Sink};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;

/// A kernel with some framebuffers.
struct Kernel {
    folder: tempfile::TempDir,
}

struct Made<'a> {
    number: &'a str,
    name: &'a str,
    mode: &'a str,
    virtual_size: &'a str,
    bits: &'a str,
    stride: &'a str,
}

const PITFT: Made<'_> = Made {
    number: "fb1",
    name: "fb_ili9341",
    mode: "U:320x240p-0",
    virtual_size: "320,240",
    bits: "16",
    stride: "640",
};
const HDMI: Made<'_> = Made {
    number: "fb0",
    name: "vc4drmfb",
    mode: "U:1280x720p-0",
    virtual_size: "1280,1440",
    bits: "32",
    stride: "5120",
};

impl Kernel {
    fn new(made: &[&Made<'_>]) -> Self {
        let kernel = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(kernel.folder.path().join("sys")).unwrap();
        fs::create_dir_all(kernel.folder.path().join("dev")).unwrap();
        for made in made {
            let folder = kernel.folder.path().join("sys").join(made.number);
            fs::create_dir_all(&folder).unwrap();
            let files = [
                ("name", made.name),
                ("mode", made.mode),
                ("virtual_size", made.virtual_size),
                ("bits_per_pixel", made.bits),
                ("stride", made.stride),
            ];
            for (file, text) in files {
                fs::write(folder.join(file), format!("{text}\n")).unwrap();
            }
            fs::write(kernel.device(made.number), "").unwrap();
        }
        // What else lives in that folder.
        fs::create_dir_all(kernel.folder.path().join("sys/fbcon")).unwrap();
        kernel
    }

    fn device(&self, number: &str) -> std::path::PathBuf {
        self.folder.path().join("dev").join(number)
    }

    fn settings(&self, device: Option<&str>) -> Settings {
        let path = |name: &str| self.folder.path().join(name);
        Settings {
            sys: path("sys"),
            dev: path("dev"),
            ..Settings::new(device.map(Into::into), false)
        }
    }

    fn shown(&self, settings: &Settings, frame: &Frame, number: &str) -> Vec<u8> {
        Framebuffer::open(settings).unwrap().show(frame).unwrap();
        fs::read(self.device(number)).unwrap()
    }
}

/// Black with a red pixel in the upper left corner and a blue one in the lower right.
fn corners() -> Frame {
    let mut frame = Frame::black();
    let Ok(()) = frame.draw_iter([
        Pixel(Point::new(0, 0), Rgb888::RED),
        Pixel(Point::new(319, 239), Rgb888::BLUE),
    ]);
    frame
}

#[test]
fn a_panel_of_sixteen_bits_gets_rgb565() {
    let kernel = Kernel::new(&[&HDMI, &PITFT]);
    let bytes = kernel.shown(&kernel.settings(None), &corners(), "fb1");
    assert_eq!(bytes.len(), 153_600);
    assert_eq!(bytes[..4], [0x00, 0xf8, 0, 0]);
    assert_eq!(bytes[153_596..], [0, 0, 0x1f, 0x00]);
    assert_eq!(
        fs::read(kernel.device("fb0")).unwrap(),
        b"",
        "the other one is left alone"
    );
}

#[test]
fn blue_and_red_change_places_if_asked() {
    let kernel = Kernel::new(&[&PITFT]);
    let settings = Settings {
        bgr: true,
        ..kernel.settings(None)
    };
    assert_eq!(
        kernel.shown(&settings, &corners(), "fb1")[..2],
        [0x1f, 0x00]
    );
}

#[test]
fn lines_may_be_longer_than_the_pixels_in_them() {
    let padded = Made {
        stride: "1024",
        bits: "32",
        virtual_size: "320,240",
        ..PITFT
    };
    let narrow = Kernel::new(&[&Made {
        stride: "1536",
        ..padded
    }]);
    let bytes = narrow.shown(&narrow.settings(None), &corners(), "fb1");
    assert_eq!(bytes.len(), 1536 * 240);
    assert_eq!(bytes[..4], [0, 0, 255, 255]);
    let last = 1536 * 239 + 319 * 4;
    assert_eq!(bytes[last..last + 4], [255, 0, 0, 255]);
    assert!(
        bytes[last + 4..].iter().all(|byte| *byte == 0),
        "the padding stays dark"
    );
}

#[test]
fn a_large_screen_shows_the_frame_enlarged_in_its_middle() {
    let kernel = Kernel::new(&[&HDMI]);
    let bytes = kernel.shown(&kernel.settings(Some("vc4drmfb")), &corners(), "fb0");
    assert_eq!(bytes.len(), 5120 * 720, "one screen, not two");
    let red = |x: usize, y: usize| bytes[y * 5120 + x * 4 + 2] == 255;
    // Three times 320×240 in 1280×720: 160 black on either side.
    assert!(!red(159, 0) && red(160, 0) && red(162, 2) && !red(163, 0) && !red(160, 3));
}

#[test]
fn it_is_found_by_its_name_or_its_path() {
    let kernel = Kernel::new(&[&HDMI, &PITFT]);
    let path = kernel.device("fb0");
    for (device, found) in [
        (None, "fb1"),
        (Some("fb_ili9341"), "fb1"),
        (path.to_str(), "fb0"),
    ] {
        Framebuffer::open(&kernel.settings(device))
            .unwrap()
            .show(&corners())
            .unwrap();
        assert!(
            fs::metadata(kernel.device(found)).unwrap().len() > 0,
            "{device:?}"
        );
        fs::write(kernel.device(found), "").unwrap();
    }
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let fault = |made: &[&Made<'_>], device: Option<&str>| {
        let kernel = Kernel::new(made);
        Framebuffer::open(&kernel.settings(device))
            .unwrap_err()
            .to_string()
    };
    assert!(fault(&[], None).contains("dtoverlay="));
    let unknown = fault(&[&HDMI, &PITFT], Some("fb_st7789v"));
    assert!(
        unknown.contains("fb0 (vc4drmfb)") && unknown.contains("fb1 (fb_ili9341)"),
        "{unknown}"
    );
    let second = Made {
        number: "fb2",
        ..HDMI
    };
    assert!(fault(&[&HDMI, &second], None).contains("screen.device"));
    let upright = Made {
        mode: "U:240x320p-0",
        ..PITFT
    };
    assert!(fault(&[&upright], None).contains("rotate=90"));
    let shallow = Made { bits: "8", ..PITFT };
    assert!(fault(&[&shallow], None).contains("8 bits a pixel"));
}

#[test]
fn a_framebuffer_that_is_not_there_or_goes_away_is_an_error() {
    let kernel = Kernel::new(&[&PITFT]);
    fs::remove_file(kernel.device("fb1")).unwrap();
    let fault = Framebuffer::open(&kernel.settings(None)).unwrap_err();
    assert!(fault.what.contains("cannot open"), "{fault}");
    std::os::unix::fs::symlink("/dev/full", kernel.device("fb1")).unwrap();
    assert!(Path::new("/dev/full").exists());
    let fault = Framebuffer::open(&kernel.settings(None))
        .unwrap()
        .show(&corners())
        .unwrap_err();
    assert!(fault.what.contains("does not take a frame"), "{fault}");
}
