// Formats amounts for people. Amounts are stored in minor units of their currency: cents of EUR, yen of JPY, fils of KWD.

/** ISO 4217, list one, of 2026: currencies whose number of digits is not two. `Intl` has other numbers, for cash in use. */
const DIGITS = new Map(
  Object.entries({
    0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
    3: 'BHD IQD JOD KWD LYD OMR TND',
    4: 'CLF UYW',
  }).flatMap(([digits, codes]) => codes.split(' ').map((code) => [code, Number(digits)] as const)),
)

/**
 * `region` is a BCP 47 tag, `currency` an ISO 4217 code. Reuse a format: building one costs fifty times as much as using it.
 */
export function moneyFormat(region: string, currency: string): (minorUnits: number) => string {
  const digits = DIGITS.get(currency) ?? 2
  const format = new Intl.NumberFormat(region, {
    ...{ style: 'currency', currency },
    ...{ minimumFractionDigits: digits, maximumFractionDigits: digits },
  })
  return (minorUnits) => format.format(minorUnits / 10 ** digits)
}
