//! A framebuffer of the kernel, written to as a file: a panel behind an overlay, or HDMI.
//!
//! Which number a framebuffer gets depends on what else is plugged in, so it is found by its name.
//! Depth, size and line length are asked of sysfs. Nothing is mapped into memory: one write a frame
//! needs no `unsafe`, and the drivers of SPI panels notice a write as they do a mapped page.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use embedded_graphics::pixelcolor::{Rgb565, Rgb888};
use embedded_graphics::prelude::*;

use super::frame::Frame;
use super::sink::{Fault, Sink};
use crate::bitmap::{HEIGHT, WIDTH};

/// Parts of the names that drivers of small panels give: fbtft's, then the DRM drivers'.
const PANEL_NAMES: [&str; 5] = ["ili9341", "st7789", "mipi-dbi", "hx8357", "pitft"];

/// Which framebuffer, and where the kernel keeps them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A name as in `/sys/class/graphics/fb*/name`, a path as `/dev/fb1`, or `None` for the panel.
    pub device: Option<String>,
    /// Blue and red change places.
    pub bgr: bool,
    /// `/sys/class/graphics`, but for tests.
    pub sys: PathBuf,
    /// `/dev`, but for tests.
    pub dev: PathBuf,
}

/// A framebuffer, open for writing.
#[derive(Debug)]
pub struct Framebuffer {
    file: File,
    shape: Shape,
    bgr: bool,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    width: usize,
    height: usize,
    line_bytes: usize,
    pixel_bytes: usize,
}

/// One entry of sysfs.
struct Found {
    number: String,
    name: String,
    folder: PathBuf,
}

impl Settings {
    /// The kernel's own places.
    pub fn new(device: Option<String>, bgr: bool) -> Self {
        Self {
            device,
            bgr,
            sys: "/sys/class/graphics".into(),
            dev: "/dev".into(),
        }
    }

    fn find(&self) -> Result<Found, Fault> {
        let mut all = self.all();
        let names: Vec<_> = all
            .iter()
            .map(|found| format!("{} ({})", found.number, found.name))
            .collect();
        let is_wanted = |found: &Found| match &self.device {
            Some(device) => {
                found.name == *device || self.dev.join(&found.number) == Path::new(device)
            }
            None => PANEL_NAMES.iter().any(|name| found.name.contains(name)),
        };
        match all.iter().position(is_wanted) {
            Some(at) => Ok(all.swap_remove(at)),
            // With one framebuffer there is nothing to choose.
            None if self.device.is_none() && all.len() == 1 => Ok(all.swap_remove(0)),
            None => Err(self.missing(&names)),
        }
    }

    fn all(&self) -> Vec<Found> {
        let folders = fs::read_dir(&self.sys).into_iter().flatten().flatten();
        let mut all: Vec<_> = folders
            .filter_map(|entry| {
                let number = entry
                    .file_name()
                    .into_string()
                    .ok()
                    .filter(|number| number.starts_with("fb"))?;
                let name = read(&entry.path(), "name")?;
                Some(Found {
                    number,
                    name,
                    folder: entry.path(),
                })
            })
            .collect();
        all.sort_by(|a, b| a.number.cmp(&b.number));
        all
    }

    fn missing(&self, names: &[String]) -> Fault {
        let wanted = self.device.as_deref().unwrap_or("of a small panel");
        if names.is_empty() {
            return Fault {
                what: "the kernel has no framebuffer at all".into(),
                remedy: "add the panel's overlay to /boot/firmware/config.txt, for example \
                         dtoverlay=pitft28-resistive,rotate=90, and reboot"
                    .into(),
            };
        }
        Fault {
            what: format!("there is no framebuffer {wanted}"),
            remedy: format!(
                "set screen.device in the config to one of {}, or add the panel's overlay to \
                 /boot/firmware/config.txt and reboot",
                names.join(", ")
            ),
        }
    }
}

impl Framebuffer {
    /// Finds it, asks for its shape and opens it.
    pub fn open(settings: &Settings) -> Result<Self, Fault> {
        let found = settings.find()?;
        let shape = Shape::of(&found)?;
        let path = settings.dev.join(&found.number);
        let file = OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(|error| Fault {
                what: format!("cannot open {}: {error}", path.display()),
                remedy: match error.kind() {
                    ErrorKind::PermissionDenied => {
                        "add the user to the group video: `sudo usermod -aG video $USER`".into()
                    }
                    _ => "check that the panel's overlay is loaded".into(),
                },
            })?;
        let buffer = vec![0; shape.line_bytes * shape.height];
        Ok(Self {
            file,
            shape,
            bgr: settings.bgr,
            buffer,
        })
    }

    /// The frame in the middle, as large as whole pixels allow.
    fn lay_out(&mut self, frame: &Frame) {
        let Shape {
            width,
            height,
            line_bytes,
            pixel_bytes,
        } = self.shape;
        let (frame_width, frame_height) = (WIDTH as usize, HEIGHT as usize);
        let zoom = (width / frame_width).min(height / frame_height);
        let (left, top) = (
            (width - frame_width * zoom) / 2,
            (height - frame_height * zoom) / 2,
        );
        for (y, row) in frame.pixels().chunks_exact(frame_width).enumerate() {
            let first = (top + y * zoom) * line_bytes + left * pixel_bytes;
            for (x, pixel) in row.iter().enumerate() {
                let bytes = self.bytes_of(*pixel);
                for copy in 0..zoom {
                    let at = first + (x * zoom + copy) * pixel_bytes;
                    self.buffer[at..at + pixel_bytes].copy_from_slice(&bytes[..pixel_bytes]);
                }
            }
            let line = first..first + frame_width * zoom * pixel_bytes;
            for copy in 1..zoom {
                self.buffer
                    .copy_within(line.clone(), first + copy * line_bytes);
            }
        }
    }

    /// Little-endian, as every Pi is: RGB565, or blue, green, red and a byte of nothing.
    fn bytes_of(&self, pixel: Rgb565) -> [u8; 4] {
        let pixel = if self.bgr {
            Rgb565::new(pixel.b(), pixel.g(), pixel.r())
        } else {
            pixel
        };
        if self.shape.pixel_bytes == 2 {
            let [low, high] = pixel.into_storage().to_le_bytes();
            return [low, high, 0, 0];
        }
        let pixel = Rgb888::from(pixel);
        [pixel.b(), pixel.g(), pixel.r(), 255]
    }
}

impl Sink for Framebuffer {
    fn show(&mut self, frame: &Frame) -> Result<(), Fault> {
        self.lay_out(frame);
        let written = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&self.buffer));
        written.map_err(|error| Fault {
            what: format!("the framebuffer does not take a frame: {error}"),
            remedy: "check that the panel's overlay is still loaded".into(),
        })
    }
}

impl Shape {
    fn of(found: &Found) -> Result<Self, Fault> {
        let wrong = |what: String, remedy: &str| Fault {
            what: format!("framebuffer {} ({}) {what}", found.number, found.name),
            remedy: remedy.into(),
        };
        let bits = read_number(&found.folder, "bits_per_pixel").unwrap_or(0);
        if !matches!(bits, 16 | 32) {
            let remedy = "set its depth to 16 or 32, for example with fbset -depth 16";
            return Err(wrong(
                format!("has {bits} bits a pixel, not 16 or 32"),
                remedy,
            ));
        }
        let (width, height) = visible_size(&found.folder).unwrap_or((0, 0));
        if width < WIDTH as usize || height < HEIGHT as usize {
            let remedy = "the page needs 320×240: for a panel that stands upright add rotate=90 to its overlay \
                          in /boot/firmware/config.txt";
            return Err(wrong(format!("is {width}×{height}"), remedy));
        }
        let pixel_bytes = bits / 8;
        let line_bytes = read_number(&found.folder, "stride")
            .unwrap_or(0)
            .max(width * pixel_bytes);
        Ok(Self {
            width,
            height,
            line_bytes,
            pixel_bytes,
        })
    }
}

/// The mode in use, like `U:320x240p-0`; else the virtual size, which may hold several screens.
fn visible_size(folder: &Path) -> Option<(usize, usize)> {
    let mode = read(folder, "mode")
        .or_else(|| read(folder, "modes"))
        .unwrap_or_default();
    let digits = mode
        .lines()
        .next()
        .unwrap_or("")
        .split(|c: char| !c.is_ascii_digit());
    let mut numbers = digits.filter_map(|number| number.parse().ok());
    if let (Some(width), Some(height)) = (numbers.next(), numbers.next()) {
        return Some((width, height));
    }
    let size = read(folder, "virtual_size")?;
    let (width, height) = size.split_once(',')?;
    Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
}

fn read(folder: &Path, file: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(file)).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn read_number(folder: &Path, file: &str) -> Option<usize> {
    read(folder, file)?.parse().ok()
}
