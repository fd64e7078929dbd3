// Amounts as people read them. They are kept in the minor units of their currency: cents of EUR, yen of JPY, fils of KWD.

/** ISO 4217, list one, of 2026: the digits of those currencies that have not two. Not those of `Intl`, which tell what is in use in cash. */
const DIGITS = new Map(
  Object.entries({
    0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
    3: 'BHD IQD JOD KWD LYD OMR TND',
    4: 'CLF UYW',
  }).flatMap(([digits, codes]) => codes.split(' ').map((code) => [code, Number(digits)] as const)),
)

/** `region` is a BCP 47 tag, `currency` an ISO 4217 code; building one costs fifty times what using it does. */
export function moneyFormat(region: string, currency: string): (minorUnits: number) => string {
  const digits = DIGITS.get(currency) ?? 2
  const format = new Intl.NumberFormat(region, {
    ...{ style: 'currency', currency },
    ...{ minimumFractionDigits: digits, maximumFractionDigits: digits },
  })
  return (minorUnits) => format.format(minorUnits / 10 ** digits)
}
