//! What the rovers' picture feeds offer, and which of it is worth asking for.
//!
//! Owns the two feeds' shapes and the way from a feed to the photos of its newest sol.
//! Knows no pixels and keeps nothing.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::http_client::{FetchError, HttpClient, is_same_site};
use crate::lenient_json::{Record, flag, object, records, text, whole};
use crate::selection::{Camera, Rover};
use crate::settings::Feeds;

/// A photograph that a feed offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Photo {
    pub(crate) rover: Rover,
    pub(crate) instrument: String,
    pub(crate) sol: u32,
    /// When it was taken, as the feed words it.
    pub(crate) taken: Option<String>,
    pub(crate) credit: String,
    pub(crate) source: Url,
}

/// A page of a hundred Curiosity records is about 250 kB.
const MAX_FEED_BYTES: usize = 4 << 20;
/// What the feeds give at most in one page.
const PER_PAGE: &str = "100";
/// A sol has a few hundred pictures, half of them thumbnails: three pages reach past that.
const MAX_PAGES: usize = 3;
/// A page holds a tenth of this unless something is wrong with the feed.
const MAX_RECORDS: usize = 1000;
/// Over 55 years on Mars; a record that claims more is wrong and would hide all others.
const MAX_SOL: u32 = 20_000;

/// The pictures by `camera` from the newest sol that has any.
pub(crate) async fn newest(
    client: &HttpClient,
    feeds: &Feeds,
    rover: Rover,
    camera: Camera,
) -> Result<Vec<Photo>, FetchError> {
    let feed = match rover {
        Rover::Curiosity => &feeds.curiosity,
        Rover::Perseverance => &feeds.perseverance,
    };
    if camera != Camera::Any {
        // The feed is asked for the cameras by name first: among a thousand navigation frames
        // the few in colour may be pages away.
        let names = camera.instruments(rover).join("|");
        let found = walk(client, feed, rover, camera, Some(&names)).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    walk(client, feed, rover, camera, None).await
}

/// Turns pages until the newest sol with a fitting picture is complete.
async fn walk(
    client: &HttpClient,
    feed: &Url,
    rover: Rover,
    camera: Camera,
    search: Option<&str>,
) -> Result<Vec<Photo>, FetchError> {
    let fits = |photo: &Photo| camera.matches(rover, &photo.instrument);
    let mut offered = Vec::new();
    for page in 0..MAX_PAGES {
        let url = page_of(feed, rover, page, search);
        let mut body = client.get(&url, MAX_FEED_BYTES).await?;
        let page = read(rover, feed, &mut body)
            .map_err(|reason| format!("{rover:?}'s picture feed: {reason}"))?;
        offered.extend(page.photos);
        let fitting = offered.iter().filter(|photo| fits(photo));
        let newest = fitting.map(|photo| photo.sol).max();
        if newest.is_some_and(|sol| page.oldest_sol < Some(sol)) || page.oldest_sol.is_none() {
            break;
        }
    }
    let any_will_do = camera == Camera::Colour && search.is_none() && !offered.iter().any(fits);
    offered.retain(|photo| any_will_do || fits(photo));
    let newest = offered.iter().map(|photo| photo.sol).max();
    offered.retain(|photo| Some(photo.sol) == newest);
    Ok(offered)
}

fn page_of(feed: &Url, rover: Rover, page: usize, search: Option<&str>) -> Url {
    let mut url = feed.clone();
    let size = match rover {
        Rover::Curiosity => "per_page",
        Rover::Perseverance => "num",
    };
    let search = search.map(|names| ("search", names));
    url.query_pairs_mut()
        .extend_pairs([(size, PER_PAGE), ("page", &page.to_string())])
        .extend_pairs(search);
    url
}

/// One page of a feed.
pub(crate) struct Page {
    pub(crate) photos: Vec<Photo>,
    /// None if it has no record of any sol.
    oldest_sol: Option<u32>,
}

pub(crate) fn read(rover: Rover, feed: &Url, body: &mut [u8]) -> Result<Page, String> {
    let (list, photo): (_, fn(&Record, &Url) -> Option<Photo>) = match rover {
        Rover::Curiosity => ("items", curiosity),
        Rover::Perseverance => ("images", perseverance),
    };
    let records: Vec<_> = records(body, list)?.take(MAX_RECORDS).collect();
    Ok(Page {
        photos: records.iter().filter_map(|it| photo(it, feed)).collect(),
        oldest_sol: records.iter().filter_map(|it| whole(it, "sol")).min(),
    })
}

fn curiosity(record: &Record, feed: &Url) -> Option<Photo> {
    let extended = object(record, "extended");
    let sample = extended.and_then(|extended| text(extended, "sample_type"));
    if flag(record, "is_thumbnail") || !is_whole_frame(sample) {
        return None;
    }
    let url = text(record, "https_url").or_else(|| text(record, "url"))?;
    Some(Photo {
        rover: Rover::Curiosity,
        instrument: text(record, "instrument")?.to_owned(),
        sol: plausible_sol(record)?,
        taken: text(record, "date_taken").map(str::to_owned),
        credit: credit(record, "image_credit"),
        source: trusted(url, feed)?,
    })
}

fn perseverance(record: &Record, feed: &Url) -> Option<Photo> {
    if !is_whole_frame(text(record, "sample_type")) {
        return None;
    }
    let files = object(record, "image_files")?;
    // 1200 pixels are plenty for a screen of 320; `full_res` is a PNG of several megabytes.
    let url = ["large", "medium", "full_res"]
        .iter()
        .find_map(|size| text(files, size))?;
    Some(Photo {
        rover: Rover::Perseverance,
        instrument: text(object(record, "camera")?, "instrument")?.to_owned(),
        sol: plausible_sol(record)?,
        taken: text(record, "date_taken_utc").map(str::to_owned),
        credit: credit(record, "credit"),
        source: trusted(url, feed)?,
    })
}

/// Thumbnails repeat a frame that is listed too, and are too small for the screen.
fn is_whole_frame(sample_type: Option<&str>) -> bool {
    sample_type.is_none_or(|sample| !sample.eq_ignore_ascii_case("thumbnail"))
}

fn plausible_sol(record: &Record) -> Option<u32> {
    whole(record, "sol").filter(|sol| *sol <= MAX_SOL)
}

/// NASA asks for this credit; the feeds name it where it says more.
fn credit(record: &Record, key: &str) -> String {
    text(record, key).unwrap_or("NASA/JPL-Caltech").to_owned()
}

/// A picture is fetched as safely as the feed that names it: encrypted if the feed was.
fn trusted(address: &str, feed: &Url) -> Option<Url> {
    let mut url = feed.join(address).ok()?;
    if feed.scheme() == "https" && url.scheme() == "http" {
        url.set_scheme("https").ok()?;
    }
    (matches!(url.scheme(), "https" | "http") && is_same_site(feed, &url)).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURIOSITY: &str = r#"{"items":[
        {"id":1,"imageid":"5028MR0","sol":5028,"instrument":"MAST_RIGHT","is_thumbnail":false,
         "https_url":"https://mars.nasa.gov/msl/5028MR0.jpg","url":"http://mars.nasa.gov/msl/5028MR0.jpg",
         "date_taken":"2026-09-28T03:10:00.000Z","image_credit":"NASA/JPL-Caltech/MSSS",
         "extended":{"sample_type":"full","lmst":"Sol-05028M14:30:00.000"}},
        {"id":2,"sol":"5028","instrument":"MAST_RIGHT","is_thumbnail":true,
         "https_url":"https://mars.nasa.gov/msl/thumb.jpg","extended":{"sample_type":"thumbnail"}},
        {"id":3,"sol":"5027","instrument":"FHAZ_LEFT_B","url":"http://mars.nasa.gov/msl/f.jpg","extended":null},
        {"id":4,"sol":5027,"instrument":"MAHLI","is_thumbnail":"false","extended":{}},
        {"id":5,"sol":999999,"instrument":"MAHLI","https_url":"https://mars.nasa.gov/x.jpg"},
        {"id":6,"sol":-3,"instrument":"MAHLI","https_url":"https://mars.nasa.gov/x.jpg"},
        {"id":7,"sol":5027,"instrument":"MAHLI","https_url":"file:///etc/passwd"},
        {"id":8,"sol":5027,"instrument":"MAHLI","https_url":"http://192.168.1.1/admin"},
        null],"more":true,"total":"1000000","page":"0","per_page":100}"#;

    const PERSEVERANCE: &str = r#"{"page":"0","per_page":"100","total_images":3,"images":[
        {"imageid":"NLF","sol":1994,"sample_type":"Full","camera":{"instrument":"NAVCAM_LEFT"},
         "credit":"NASA/JPL-Caltech","date_taken_utc":"2026-09-29T11:00:00.000","drive":"567",
         "image_files":{"small":"https://mars.nasa.gov/n_320.jpg","large":"https://mars.nasa.gov/n_1200.jpg",
                        "full_res":"https://mars.nasa.gov/n.png"}},
        {"imageid":"NLT","sol":1995,"sample_type":"Thumbnail","camera":{"instrument":"NAVCAM_LEFT"},
         "image_files":{"large":"https://mars.nasa.gov/t.jpg"}},
        {"imageid":"ZL0","sol":"1995","sample_type":"Full","camera":{"instrument":"MCZ_LEFT"},
         "image_files":{"full_res":"https://mars.nasa.gov/z.png"}},
        {"imageid":"odd","sol":1995,"camera":"MCZ_LEFT","image_files":[]}]}"#;

    fn feed() -> Url {
        Url::parse("https://mars.nasa.gov/feed/").expect("a constant")
    }

    fn shown(rover: Rover, body: &str) -> Vec<(String, u32, String)> {
        let page = read(rover, &feed(), &mut body.as_bytes().to_vec()).expect("a real shape");
        let show = |found: Photo| (found.instrument, found.sol, found.source.to_string());
        page.photos.into_iter().map(show).collect()
    }

    #[test]
    fn curiositys_whole_frames_are_offered() {
        assert_eq!(
            shown(Rover::Curiosity, CURIOSITY),
            [
                (
                    "MAST_RIGHT".into(),
                    5028,
                    "https://mars.nasa.gov/msl/5028MR0.jpg".into()
                ),
                (
                    "FHAZ_LEFT_B".into(),
                    5027,
                    "https://mars.nasa.gov/msl/f.jpg".into()
                ),
            ],
            "no thumbnail, nothing without address, no sol from nowhere, no local file"
        );
    }

    #[test]
    fn perseverances_whole_frames_are_offered_in_screen_size() {
        assert_eq!(
            shown(Rover::Perseverance, PERSEVERANCE),
            [
                (
                    "NAVCAM_LEFT".into(),
                    1994,
                    "https://mars.nasa.gov/n_1200.jpg".into()
                ),
                (
                    "MCZ_LEFT".into(),
                    1995,
                    "https://mars.nasa.gov/z.png".into()
                ),
            ]
        );
    }

    #[test]
    fn an_empty_list_is_no_error_and_another_shape_is() {
        let read = |body: &str| read(Rover::Curiosity, &feed(), &mut body.as_bytes().to_vec());
        assert!(read(r#"{"items":[]}"#).is_ok_and(|page| page.oldest_sol.is_none()));
        assert!(read(r#"{"items":null}"#).is_err());
        assert!(read(r#"["items"]"#).is_err());
    }

    #[test]
    fn a_page_is_asked_for_by_number_and_camera_without_losing_the_feeds_own_query() {
        let feed = Url::parse("https://x/?order=sol%20desc").expect("a constant");
        let url = page_of(&feed, Rover::Perseverance, 2, Some("MCZ_LEFT|MCZ_RIGHT"));
        assert_eq!(
            url.as_str(),
            "https://x/?order=sol%20desc&num=100&page=2&search=MCZ_LEFT%7CMCZ_RIGHT"
        );
    }
}
