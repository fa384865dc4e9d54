// Which rows of a long table are on the screen. All rows are of one height, so that this is arithmetic.

/** Pixels of a row; style.css has it as `--row`. */
export const ROW = 36;
/** Browsers lay nothing out beyond some ten million pixels: past that the bar moves by more than its share. */
const HEIGHT_MAX = 8_000_000;
/** Rows above and below the screen that are there, so that a short scroll shows them at once. */
const OVERSCAN = 12;

export class Window {
  /** A scrolling element whose rows begin beneath `headHeight()` pixels that stay. */
  constructor(scroller, headHeight) {
    this.scroller = scroller;
    this.headHeight = headHeight;
    this.total = 0;
  }

  /** Pixels that all rows take together. */
  get height() {
    return Math.min(this.total * ROW, HEIGHT_MAX);
  }

  get rowsVisible() {
    return Math.max(1, (this.scroller.clientHeight - this.headHeight()) / ROW);
  }

  /** Pixels of scrolling for each row: `ROW`, unless the table is too long. */
  get step() {
    const rows = this.total - this.rowsVisible;
    return rows > 0 ? (this.height - this.rowsVisible * ROW) / rows : ROW;
  }

  /** The first row on the screen, with the part of it that is above. */
  get first() {
    return Math.min(Math.max(0, this.scroller.scrollTop / this.step), Math.max(0, this.total - this.rowsVisible));
  }

  /** The rows to be there, `from` to before `to`, and the pixels above and below them. */
  measure() {
    const { first, height, rowsVisible, total } = this;
    const from = Math.max(0, Math.floor(first) - OVERSCAN);
    const to = Math.min(total, Math.ceil(first + rowsVisible) + OVERSCAN);
    const above = Math.max(0, first * this.step - (first - from) * ROW);
    return { from, to, above, below: Math.max(0, height - above - (to - from) * ROW) };
  }

  /** Scrolls as little as needed for a row to be on the screen as a whole. */
  reveal(index) {
    const { first, rowsVisible } = this;
    if (index < first) this.scroller.scrollTop = index * this.step;
    else if (index + 1 > first + rowsVisible) this.scroller.scrollTop = (index + 1 - rowsVisible) * this.step;
  }
}
