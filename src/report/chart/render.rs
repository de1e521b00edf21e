//! A page of shapes to SVG text and to PNG bytes, both by plotters' backends on the same grid.
//!
//! Both are drawn at three device pixels a CSS pixel. The SVG keeps that grid as its view box, so curves are placed to a
//! third of a pixel although plotters' coordinates are integers; the bitmap is averaged down, which smooths every edge.

use plotters::backend::{BitMapBackend, RGBPixel, SVGBackend};
use plotters::style::{Color, RGBColor, ShapeStyle};
use plotters_backend::{BackendColor, DrawingBackend};

use super::ChartError;
use super::canvas::{Canvas, Colour, HEIGHT, Shape, TextStyle, WIDTH};
use super::text::{Face, TOP_TO_BASELINE_EM};

/// Device pixels per CSS pixel.
const SCALE: usize = 3;
const WIDTH_CSS: usize = WIDTH as usize;
const HEIGHT_CSS: usize = HEIGHT as usize;
const SIZE_DEVICE: (u32, u32) = ((WIDTH_CSS * SCALE) as u32, (HEIGHT_CSS * SCALE) as u32);

/// The page as an SVG document named by `title` and `description` for readers that cannot see it.
///
/// # Errors
/// [`ChartError::Draw`] if the backend refuses a shape.
pub(super) fn svg(canvas: &Canvas, title: &str, description: &str) -> Result<String, ChartError> {
    let mut drawn = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut drawn, SIZE_DEVICE);
        fill_page(&mut backend)?;
        for shape in &canvas.shapes {
            draw(&mut backend, canvas, shape, true)?;
        }
        backend.present().map_err(refused)?;
    }
    let body = drawn.split_once('\n').map_or("", |(_, body)| body);
    // Quotes in text are escaped, so this can only match the attribute that says nothing.
    let body = body.replace(" opacity=\"1\"", "");
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH_CSS}\" height=\"{HEIGHT_CSS}\" \
         viewBox=\"0 0 {} {}\" role=\"img\" stroke-linejoin=\"round\">\n<title>{}</title>\n<desc>{}</desc>\n{body}",
        SIZE_DEVICE.0,
        SIZE_DEVICE.1,
        escaped(title),
        escaped(description)
    ))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The page as a PNG of 1200 x 750 pixels, 8-bit RGB. No time or other metadata is written.
///
/// # Errors
/// [`ChartError::Draw`] if the backend refuses a shape or the encoder fails.
pub(super) fn png(canvas: &Canvas) -> Result<Vec<u8>, ChartError> {
    let mut device = vec![255_u8; WIDTH_CSS * SCALE * HEIGHT_CSS * SCALE * 3];
    {
        let mut backend = BitMapBackend::<RGBPixel>::with_buffer_and_format(&mut device, SIZE_DEVICE)
            .map_err(|e| ChartError::Draw(e.to_string()))?;
        for shape in &canvas.shapes {
            draw(&mut backend, canvas, shape, false)?;
        }
        backend.present().map_err(refused)?;
    }
    let pixels = averaged(&device);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIZE_DEVICE.0 / SCALE as u32, SIZE_DEVICE.1 / SCALE as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let encoding = |e: png::EncodingError| ChartError::Draw(e.to_string());
    let mut writer = encoder.write_header().map_err(encoding)?;
    writer.write_image_data(&pixels).map_err(encoding)?;
    writer.finish().map_err(encoding)?;
    Ok(bytes)
}

/// Each CSS pixel is the mean, rounded to nearest, of its device pixels.
fn averaged(device: &[u8]) -> Vec<u8> {
    let row_bytes = WIDTH_CSS * SCALE * 3;
    let mut out = Vec::with_capacity(WIDTH_CSS * HEIGHT_CSS * 3);
    let mut sums = vec![0_u32; WIDTH_CSS * 3];
    let samples = (SCALE * SCALE) as u32;
    for rows in device.chunks_exact(row_bytes * SCALE) {
        sums.fill(0);
        for row in rows.chunks_exact(row_bytes) {
            for (sum, block) in sums.chunks_exact_mut(3).zip(row.chunks_exact(3 * SCALE)) {
                for pixel in block.chunks_exact(3) {
                    for (s, p) in sum.iter_mut().zip(pixel) {
                        *s += u32::from(*p);
                    }
                }
            }
        }
        out.extend(sums.iter().map(|s| ((s + samples / 2) / samples) as u8));
    }
    out
}

fn refused<E: std::error::Error + Send + Sync>(error: plotters_backend::DrawingErrorKind<E>) -> ChartError {
    ChartError::Draw(error.to_string())
}

/// The device coordinate of a CSS one, kept within a page on every side of the page so that the backends' integer
/// products cannot overflow.
fn device(css: f64, size: f64) -> i32 {
    let css = if css.is_nan() { 0.0 } else { css.clamp(-size, 2.0 * size) };
    (css * SCALE as f64).round() as i32
}

fn place((x, y): (f64, f64)) -> (i32, i32) {
    (device(x, WIDTH), device(y, HEIGHT))
}

fn paint(Colour(r, g, b): Colour, opacity: f64, width: u32) -> ShapeStyle {
    ShapeStyle { color: RGBColor(r, g, b).mix(opacity), filled: true, stroke_width: width }
}

fn fill_page<B: DrawingBackend>(backend: &mut B) -> Result<(), ChartError> {
    let corner = place((WIDTH, HEIGHT));
    backend.draw_rect((0, 0), corner, &paint(Colour(255, 255, 255), 1.0, 1), true).map_err(refused)
}

fn draw<B: DrawingBackend>(backend: &mut B, canvas: &Canvas, shape: &Shape, vector: bool) -> Result<(), ChartError> {
    match shape {
        Shape::Rect { from, to, fill } => {
            let (from, to) = (place(*from), place(*to));
            // A sliver still shows: plotters fills up to, not including, the far corner.
            let to = (to.0.max(from.0 + 1), to.1.max(from.1 + 1));
            backend.draw_rect(from, to, &paint(*fill, 1.0, 1), true).map_err(refused)
        }
        Shape::Area { points, fill, opacity } => {
            backend.fill_polygon(distinct(points), &paint(*fill, *opacity, 1)).map_err(refused)
        }
        Shape::Path { points, width, colour } => {
            let points = distinct(points);
            let width = device(*width, WIDTH).max(1);
            let style = paint(*colour, 1.0, width as u32);
            if vector {
                backend.draw_path(points, &style).map_err(refused)
            } else {
                stroke(backend, &points, width, &style)
            }
        }
        Shape::Disc { centre, radius, fill } => {
            let radius = device(*radius, WIDTH).max(1) as u32;
            backend.draw_circle(place(*centre), radius, &paint(*fill, 1.0, 1), true).map_err(refused)
        }
        Shape::Text { baseline, text, style, anchor } => {
            let TextStyle { em, bold, colour: Colour(r, g, b) } = *style;
            let em_device = em * SCALE as f64;
            let (x, y) = place(*baseline);
            let top = y - (em_device * TOP_TO_BASELINE_EM).round() as i32;
            let colour = BackendColor { alpha: 1.0, rgb: (r, g, b) };
            let face = Face { fonts: canvas.fonts, em: em_device, bold, colour, anchor: (*anchor).into() };
            backend.draw_text(text, &face, (x, top)).map_err(refused)
        }
    }
}

/// Points on the device grid without repeats.
fn distinct(points: &[(f64, f64)]) -> Vec<(i32, i32)> {
    let mut out: Vec<(i32, i32)> = points.iter().map(|p| place(*p)).collect();
    out.dedup();
    out
}

/// A thick line on the bitmap, one quadrilateral a segment and a disc at each joint: plotters' own outlines of a sharp
/// zigzag overlap themselves and leave holes.
fn stroke<B: DrawingBackend>(
    backend: &mut B,
    points: &[(i32, i32)],
    width: i32,
    style: &ShapeStyle,
) -> Result<(), ChartError> {
    let half = f64::from(width) / 2.0;
    for (a, b) in points.iter().zip(points.iter().skip(1)) {
        let (dx, dy) = (f64::from(b.0 - a.0), f64::from(b.1 - a.1));
        let length = (dx * dx + dy * dy).sqrt();
        let (nx, ny) = (-dy / length * half, dx / length * half);
        let corner = |p: &(i32, i32), side: f64| {
            ((f64::from(p.0) + nx * side).round() as i32, (f64::from(p.1) + ny * side).round() as i32)
        };
        let quad = [corner(a, 1.0), corner(b, 1.0), corner(b, -1.0), corner(a, -1.0)];
        backend.fill_polygon(quad, style).map_err(refused)?;
    }
    let inner = points.len().saturating_sub(2);
    for p in points.iter().skip(1).take(inner) {
        backend.draw_circle(*p, (width / 2).max(1) as u32, style, true).map_err(refused)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::canvas::Anchor;

    fn page() -> Canvas {
        let mut canvas = Canvas::new().unwrap();
        let style = TextStyle { em: 20.0, bold: false, colour: Colour(0, 0, 0) };
        canvas.text((600.0, 300.0), "a < b & \"c\"", style, Anchor::Centre, 500.0);
        canvas.path(&[(10.0, 10.0), (500.0, 400.0), (510.0, 10.0)], 2.0, Colour(0, 114, 178), &[9.0, 4.0]);
        canvas.area(vec![(0.0, 0.0), (90.0, 0.0), (90.0, 90.0)], Colour(0, 114, 178), 0.2);
        canvas.disc((f64::NAN, f64::INFINITY), 4.0, Colour(0, 0, 0));
        canvas
    }

    #[test]
    fn a_page_renders_to_the_same_bytes() {
        let (a, b) = (page(), page());
        assert_eq!(png(&a).unwrap(), png(&b).unwrap());
        assert_eq!(svg(&a, "t", "d").unwrap(), svg(&b, "t", "d").unwrap());
    }

    #[test]
    fn svg_is_escaped_and_names_its_fonts() {
        let text = svg(&page(), "1 < 2", "x & y").unwrap();
        assert!(text.starts_with("<svg ") && text.trim_end().ends_with("</svg>"));
        assert!(text.contains("<title>1 &lt; 2</title>") && text.contains("<desc>x &amp; y</desc>"));
        assert!(text.contains("a &lt; b &amp; &quot;c&quot;"));
        assert!(text.contains("font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, sans-serif\""));
    }

    #[test]
    fn png_has_the_stated_size_and_ink() {
        let bytes = png(&page()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (1200, 750));
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let text_box = (280..305).flat_map(|y| (540..660).map(move |x| (y * 1200 + x) * 3));
        let darkest = text_box.filter_map(|i| pixels.get(i)).min();
        assert!(darkest.is_some_and(|d| *d < 60), "{darkest:?}");
    }
}
