// Polls: less often while the page is hidden, and ever less often while audit-service does not answer.
import { useEffect, useRef, useState } from '/console/packages/preact.js'

export const USUAL_MS = 3_000
const HIDDEN_MS = 15_000
const AWAY_MAX_MS = 30_000

/**
 * The last answer of `load`, and the error if the latest attempt failed. Another `key` is another question: the answer starts
 * empty.
 * @template Answer
 * @param {() => Promise<Answer>} load
 * @param {{ key?: string, everyMs?: number }} [terms]
 * @returns {{ answer: Answer | undefined, fault: unknown, again: () => void }}
 */
export function usePolled(load, { key = '', everyMs = USUAL_MS } = {}) {
  /** @typedef {{ key: string, answer: Answer | undefined, fault: unknown }} Known */
  const [known, setKnown] = useState(/** @type {Known} */ ({ key, answer: undefined, fault: undefined }))
  const latest = useRef(load)
  latest.current = load
  const again = useRef(() => {})
  useEffect(() => {
    let timer = 0
    let failures = 0
    let turns = 0
    async function turn() {
      clearTimeout(timer)
      const own = ++turns
      try {
        const answer = await latest.current()
        if (own !== turns) return
        failures = 0
        setKnown({ key, answer, fault: undefined })
      } catch (fault) {
        if (own !== turns) return
        failures++
        setKnown((before) => ({ key, answer: before.key === key ? before.answer : undefined, fault }))
      }
      const usual = document.hidden ? HIDDEN_MS : everyMs
      timer = setTimeout(turn, failures === 0 ? usual : Math.min(AWAY_MAX_MS, everyMs * 2 ** failures))
    }
    const seen = () => {
      if (!document.hidden) turn()
    }
    again.current = turn
    turn()
    document.addEventListener('visibilitychange', seen)
    addEventListener('online', turn)
    return () => {
      turns++
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
      removeEventListener('online', turn)
    }
  }, [key, everyMs])
  const { answer, fault } = known.key === key ? known : { answer: undefined, fault: undefined }
  return { answer, fault, again: () => again.current() }
}
