//! The GPIO chip behind the 40-pin header of a Raspberry Pi. Its number changes between models
//! and kernels; its label does not.

use gpio_cdev::Chip;

/// Pi 5, Pi 4, and all before.
pub const LABELS: [&str; 3] = ["pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835"];

/// There is no such chip, or it may not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", if .seen.is_empty() { "this computer has no /dev/gpiochip at all".into() } else { .seen.join(", ") })]
pub struct NotFound {
    /// The other chips, each with its path and label, or why it cannot be read.
    pub seen: Vec<String>,
}

/// Opens the chip.
///
/// # Errors
/// [`NotFound`] with the chips that were seen instead.
pub fn open() -> Result<Chip, NotFound> {
    let mut seen = Vec::new();
    match gpio_cdev::chips() {
        Ok(chips) => {
            for chip in chips {
                match chip {
                    Ok(chip) if LABELS.contains(&chip.label()) => return Ok(chip),
                    Ok(chip) => seen.push(format!("{} ({})", chip.path().display(), chip.label())),
                    Err(error) => seen.push(error.to_string()),
                }
            }
        }
        Err(error) => seen.push(error.to_string()),
    }
    Err(NotFound { seen })
}
