/**
 * Keeps the focus where somebody was. A browser takes it from a button that is disabled while what it began is under way, and from one
 * that goes with its line; whoever uses the keyboard or a screen reader would have to look for their place again.
 */
interface Place {
  element: HTMLElement
  /** The lines before and behind it in its list, and which of the line's buttons it is. */
  neighbours: Element[]
  index: number
  /** The part of the page that it is in. */
  section: HTMLElement | null
}

const buttonsOf = (line: Element) => [...line.querySelectorAll<HTMLElement>('button, a[href]')]

function placeOf(element: HTMLElement): Place {
  const line = element.closest('li')
  return {
    element,
    neighbours: [line?.nextElementSibling, line?.previousElementSibling].filter((one) => one instanceof Element),
    index: line === null ? -1 : buttonsOf(line).indexOf(element),
    section: element.closest<HTMLElement>('section, main'),
  }
}

const isThere = (element: Element) => element.isConnected && !element.matches(':disabled')

/** Where the focus goes on; undefined: what has it comes back by itself, or nothing of it is left. */
function nextTo({ element, neighbours, index, section }: Place): HTMLElement | undefined {
  if (element.isConnected) return isThere(element) ? element : undefined
  const line = neighbours.find((one) => one.isConnected)
  const same = line && [buttonsOf(line)[index], ...buttonsOf(line)].find((one) => one !== undefined && isThere(one))
  return same ?? (section?.isConnected ? section : (document.querySelector('main') ?? undefined))
}

/** Begins to keep it. Returns how to stop. */
export function keepFocus(): () => void {
  /** In a dialog, and behind it. */
  let inside: Place | undefined
  let behind: Place | undefined
  const onFocus = ({ target }: FocusEvent) => {
    if (!(target instanceof HTMLElement)) return
    if (target.closest('[role=dialog]')) inside = placeOf(target)
    else [inside, behind] = [undefined, placeOf(target)]
  }
  // Whoever presses beside everything wants to be nowhere.
  const onPress = ({ target }: PointerEvent) => {
    inside = undefined
    if (!(target instanceof Element && target.closest('[role=dialog]'))) behind = undefined
  }
  const observer = new MutationObserver(() => {
    // The page around a frame, and the bars of the browser, keep theirs.
    if (document.activeElement !== document.body || !document.hasFocus()) return
    const place = inside?.section?.isConnected || inside?.element.isConnected ? inside : behind
    const next = place && nextTo(place)
    if (next === undefined) return
    if (next.matches('section')) next.tabIndex = -1
    next.focus({ preventScroll: true })
  })
  document.addEventListener('focusin', onFocus)
  document.addEventListener('pointerdown', onPress)
  observer.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['disabled'] })
  return () => {
    document.removeEventListener('focusin', onFocus)
    document.removeEventListener('pointerdown', onPress)
    observer.disconnect()
  }
}
