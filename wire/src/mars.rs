//! The answer of `GET /mars`: an address of a bitmap and the weather of one sol.
//!
//! Any value of the weather may be null or missing: no rover has every sensor.

use serde::{Deserialize, Serialize};

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Where the 320×240 bitmap is; it need not change when the bitmap does.
    pub image_url: String,
    /// The weather.
    pub insight: Weather,
}

/// The weather of one sol, under the names of the InSight service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Weather {
    /// The Martian day of the mission; a string, as it is a key in the original feed.
    #[serde(default)]
    pub sol: Option<String>,
    /// Mean air temperature in °C.
    #[serde(default)]
    pub av_at: Option<f64>,
    /// Mean horizontal wind speed in m/s.
    #[serde(default, rename = "av_HWS")]
    pub av_hws: Option<f64>,
    /// Mean pressure in Pa.
    #[serde(default, rename = "av_PRE")]
    pub av_pre: Option<f64>,
    /// First measurement of the sol, RFC 3339.
    #[serde(default, rename = "First_UTC")]
    pub first_utc: Option<String>,
    /// Last measurement of the sol, RFC 3339.
    #[serde(default, rename = "Last_UTC")]
    pub last_utc: Option<String>,
    /// The season in words, such as `late summer`: the source's own where it has any.
    #[serde(default)]
    pub season: Option<String>,
}
