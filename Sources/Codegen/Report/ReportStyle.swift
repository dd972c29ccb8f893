/// The report's style sheet: one palette for light and one for dark, plain paper for print.
///
/// It holds no character that HTML and XML write differently. Colours of owners are Okabe and Ito's,
/// which people who see colours differently tell apart.
enum ReportStyle {
  static let text = """

    :root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff;
      --line: #d0d7de; --free: #eef1f4; --on: #ffffff; --bad: #b3261e;
      --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b25a8c; --c4: #8a6d00; --c5: #3d7ea6;
      --c6: #5b4b8a; --c7: #6b6b6b; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa4af;
      --paper: #0f1318; --line: #333b45; --free: #1c222a; --on: #0f1318;
      --bad: #ff8a80;
      --c0: #3f9bd6; --c1: #e57a2e; --c2: #2fb98f; --c3: #cf83ae; --c4: #c9a83a; --c5: #74aecf;
      --c6: #9485c4; --c7: #9a9a9a; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--paper); color: var(--ink);
      font: 15px/1.5 system-ui, sans-serif; }
    main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
    h1 { font-size: 2rem; line-height: 1.2; margin: 0; }
    h2 { font-size: 1.2rem; margin: 2.75rem 0 0.75rem; }
    .lead { color: var(--soft); margin: 0.25rem 0 1rem; }
    .legend { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0; }
    .key { color: var(--on); border-radius: 0.25rem; padding: 0.1rem 0.6rem; font-weight: 600; }
    .verdicts { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr));
      gap: 0.75rem; list-style: none; margin: 1.5rem 0 0; padding: 0; }
    .verdicts li { border: 1px solid var(--line); border-radius: 0.4rem; padding: 0.7rem 0.9rem; }
    .verdicts strong { display: block; font-size: 1.1rem; }
    .verdicts span { color: var(--soft); font-size: 0.9rem; }
    .note { color: var(--soft); margin: 0 0 0.75rem; }
    .keepers { list-style: none; display: flex; flex-wrap: wrap; gap: 0.35rem 1.5rem; margin: 0 0 1rem;
      padding: 0; color: var(--soft); }
    .ways { display: grid; grid-template-columns: repeat(5, 1.25rem); gap: 3px; }
    .way { display: inline-block; width: 1.25rem; height: 1.25rem;
      border: 1px solid var(--ink); border-radius: 0.2rem; text-align: center; font-size: 0.72rem;
      line-height: 1.1rem; font-weight: 600; }
    .hardware { background: var(--ink); color: var(--paper); }
    .software { background: var(--soft); border-color: var(--soft); color: var(--paper); }
    .program { color: var(--ink); border-style: dashed; }
    .wanted { color: var(--soft); border-color: var(--line); }
    .nobody { background: var(--bad); border-color: var(--bad); color: var(--paper); }
    .pairs { width: auto; }
    .pairs td { padding-right: 2rem; }
    .pairs .self { color: var(--soft); }
    details { margin: 0.75rem 0 0; }
    summary { cursor: pointer; color: var(--soft); }
    details > .wide { margin-top: 0.5rem; font-size: 0.9rem; }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
    th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.9rem 0.4rem 0;
      border-bottom: 1px solid var(--line); }
    thead th { color: var(--soft); font-weight: 500; white-space: nowrap; }
    tbody th { font-weight: 600; white-space: nowrap; }
    figure { margin: 0 0 1.75rem; break-inside: avoid; }
    figcaption { color: var(--soft); margin-bottom: 0.4rem; }
    figcaption strong { color: var(--ink); }
    svg { display: block; width: 100%; height: auto; }
    svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
    svg .on { fill: var(--on); font-weight: 600; }
    svg .soft { fill: var(--soft); }
    svg .free { fill: var(--free); stroke: var(--line); }
    svg .common { fill: var(--soft); }
    svg .box { fill: var(--paper); stroke: var(--line); }
    svg .buffers { fill: var(--on); opacity: 0.6; }
    svg .mark { fill: none; stroke: var(--on); stroke-width: 2; stroke-dasharray: 4 3; }
    svg path { fill: none; stroke-width: 2; }
    .c0 { background: var(--c0); } svg .c0 { fill: var(--c0); } svg path.c0 { fill: none; stroke: var(--c0); }
    .c1 { background: var(--c1); } svg .c1 { fill: var(--c1); } svg path.c1 { fill: none; stroke: var(--c1); }
    .c2 { background: var(--c2); } svg .c2 { fill: var(--c2); } svg path.c2 { fill: none; stroke: var(--c2); }
    .c3 { background: var(--c3); } svg .c3 { fill: var(--c3); } svg path.c3 { fill: none; stroke: var(--c3); }
    .c4 { background: var(--c4); } svg .c4 { fill: var(--c4); } svg path.c4 { fill: none; stroke: var(--c4); }
    .c5 { background: var(--c5); } svg .c5 { fill: var(--c5); } svg path.c5 { fill: none; stroke: var(--c5); }
    .c6 { background: var(--c6); } svg .c6 { fill: var(--c6); } svg path.c6 { fill: none; stroke: var(--c6); }
    .c7 { background: var(--c7); } svg .c7 { fill: var(--c7); } svg path.c7 { fill: none; stroke: var(--c7); }
    @page { margin: 15mm; }
    @media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --on: #fff;
      --line: #bbb; --free: #eee; --bad: #b3261e; --c0: #0072b2; --c1: #d55e00; --c2: #009e73;
      --c3: #b25a8c; --c4: #8a6d00; --c5: #3d7ea6; --c6: #5b4b8a; --c7: #6b6b6b; }
      body { font-size: 11px; } main { max-width: none; padding: 0; }
      h2 { break-after: avoid; } tr, li { break-inside: avoid; } thead { display: table-header-group; }
      .wide { overflow: visible; } details { display: none; }
      * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }

    """
}
