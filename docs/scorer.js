/* What the search shows first: functions of the package itself before modules and methods. Sphinx puts this into its
 * own script (html_search_scorer), and wants every number. */
var Scorer = {
  score: ([page, title, anchor, description, score]) => (/^relu_simd\.[a-z]\w*$/.test(title) ? score + 5 : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 5, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
