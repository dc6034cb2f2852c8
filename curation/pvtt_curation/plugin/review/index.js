/* The browser's half of the plugin, as it is: no bundler, no build step.

   It adds to the app
   - hotkeys for the sample that is open, or for those that are selected;
   - BoxOnVideo, a field of a form in which a box is drawn on a frame of a video;
   - LoopedVideo, a video in a form that plays over and over.

   React, the operators and the registry of components are the app's own, which it offers as globals. */
(() => {
  "use strict";

  const PLUGIN = "@pvtt/review";
  const COMPONENT = 3; // the app's PluginComponentType.Component
  const { React, __foo__: operators, __fos__: state, __fo_plugin_registry__: registry } = window;
  const element = React.createElement;

  /* ---- Hotkeys ------------------------------------------------------------------------------------------------ */

  // "now" says it at once; the others open the operator's form.
  const HOTKEYS = {
    a: { operator: "accept", now: true },
    r: { operator: "reject" },
    f: { operator: "flag" },
    u: { operator: "undo", now: true },
    g: { operator: "resegment" },
    l: { operator: "relabel" },
  };

  // Which dataset is reviewed; on any other, keys do what they always do. The server says it when a dataset opens.
  let reviewed = null;

  class Hotkeys extends operators.Operator {
    get config() {
      return new operators.OperatorConfig({ name: "hotkeys", label: "Review: hotkeys on", unlisted: true });
    }

    async execute(context) {
      reviewed = context.params.dataset;
    }
  }

  // Puts other values of some fields into a sample that is open; the app would go on showing the old ones.
  class UpdateSamples extends operators.Operator {
    get config() {
      return new operators.OperatorConfig({
        name: "update_samples",
        label: "Review: show what was said",
        unlisted: true,
      });
    }

    useHooks() {
      return { update: state.useUpdateSamples() };
    }

    async execute({ hooks, params }) {
      const known = state.getCurrentEnvironment().getStore().getSource();
      const changed = [];
      for (const id of params.ids) {
        const sample = (known.get(id) ?? known.get(`${id}-modal`))?.sample;
        if (!sample) continue; // this slice was not looked at yet
        changed.push([id, { ...(typeof sample === "string" ? JSON.parse(sample) : sample), ...params.fields }]);
      }
      hooks.update(changed);
    }
  }

  const isOpen = (name) => document.querySelector(`[data-cy="${name}"]`) !== null;

  function isTyping(target) {
    return target instanceof Element && target.closest("input, textarea, select, [contenteditable=true]") !== null;
  }

  function isReviewing() {
    const shown = window.location.pathname.match(/\/datasets\/([^/]+)/);
    return reviewed !== null && shown !== null && decodeURIComponent(shown[1]) === reviewed;
  }

  function somethingIsMeant() {
    return isOpen("modal") || document.querySelector('[data-cy^="looker-checkbox-input"]:checked') !== null;
  }

  function onKey(event) {
    const hotkey = HOTKEYS[event.key];
    if (!hotkey || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!isReviewing() || isTyping(event.target) || isOpen("operators-prompt-modal") || !somethingIsMeant()) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // some of these keys mean something else to the app's player
    const uri = `${PLUGIN}/${hotkey.operator}`;
    if (hotkey.now) {
      operators.executeOperator(uri, {});
    } else {
      operators.executeOperator("prompt_user_for_operation", { operator_uri: uri, params: {} });
    }
  }

  /* ---- Fields of forms ---------------------------------------------------------------------------------------- */

  const PICTURE_HEIGHT = "min(360px, 45vh)";
  const share = (value, whole) => Math.min(1, Math.max(0, value / whole));
  const rounded = (value) => Math.round(value * 1e4) / 1e4;

  /* A box drawn with the mouse on a frame of a video.

     The form's value is { frame, x0, y0, x1, y1 }: the frame counted from 0, the rest in shares of width and height;
     or null. `view` gives url, fps and frames of the video. */
  function BoxOnVideo({ data, schema, path, onChange }) {
    const { url, fps, frames, label } = schema.view;
    const [frame, setFrame] = React.useState(data?.frame ?? 0);
    const [box, setBox] = React.useState(data?.x1 ? data : null);
    const [corner, setCorner] = React.useState(null);
    const video = React.useRef(null);

    const show = (number) => {
      setFrame(number);
      if (video.current) video.current.currentTime = (number + 0.5) / fps;
    };
    const at = (event) => {
      const picture = video.current.getBoundingClientRect();
      return [
        share(event.clientX - picture.left, picture.width),
        share(event.clientY - picture.top, picture.height),
      ];
    };
    const between = ([x, y], [u, v]) => ({
      x0: rounded(Math.min(x, u)),
      y0: rounded(Math.min(y, v)),
      x1: rounded(Math.max(x, u)),
      y1: rounded(Math.max(y, v)),
    });
    const begin = (event) => {
      event.preventDefault();
      event.currentTarget.setPointerCapture(event.pointerId);
      setCorner(at(event));
      setBox(null);
    };
    const drag = (event) => {
      if (corner) setBox(between(corner, at(event)));
    };
    const end = (event) => {
      if (!corner) return;
      const drawn = between(corner, at(event));
      setCorner(null);
      const isBox = drawn.x1 - drawn.x0 >= 0.01 && drawn.y1 - drawn.y0 >= 0.01; // a click takes the box away
      setBox(isBox ? drawn : null);
      onChange(path, isBox ? { frame, ...drawn } : null);
    };
    const pick = (event) => {
      const number = Number(event.target.value);
      show(number);
      if (box) onChange(path, { ...box, frame: number });
    };

    const percent = (value) => `${100 * value}%`;
    const frameOfBox =
      box &&
      element("div", {
        "data-cy": "drawn-box",
        style: {
          position: "absolute",
          left: percent(box.x0),
          top: percent(box.y0),
          width: percent(box.x1 - box.x0),
          height: percent(box.y1 - box.y0),
          border: "2px solid #ff9d1c",
          boxShadow: "0 0 0 1px #000, inset 0 0 0 1px #000",
          pointerEvents: "none",
        },
      });
    return element(
      "div",
      null,
      element("div", { style: { marginBottom: 6 } }, label),
      element(
        "div",
        {
          "data-cy": "box-on-video",
          style: {
            position: "relative",
            display: "inline-block",
            cursor: "crosshair",
            touchAction: "none",
            lineHeight: 0,
            userSelect: "none",
          },
          onPointerDown: begin,
          onPointerMove: drag,
          onPointerUp: end,
        },
        element("video", {
          ref: video,
          src: url,
          muted: true,
          playsInline: true,
          preload: "auto",
          style: { maxWidth: "100%", height: PICTURE_HEIGHT, pointerEvents: "none" },
          onLoadedMetadata: () => show(frame),
        }),
        frameOfBox,
      ),
      element(
        "label",
        { style: { display: "flex", gap: 8, alignItems: "center", marginTop: 6 } },
        element("input", {
          "data-cy": "box-frame",
          type: "range",
          min: 0,
          max: frames - 1,
          value: frame,
          onChange: pick,
          style: { flex: 1 },
        }),
        `frame ${frame}${box ? "" : ", no box"}`,
      ),
    );
  }

  /* A video that plays over and over; `view` gives its url. */
  function LoopedVideo({ schema }) {
    const { url, label } = schema.view;
    return element(
      "div",
      null,
      element("div", { style: { marginBottom: 6 } }, label),
      element("video", {
        "data-cy": "looped-video",
        src: url,
        autoPlay: true,
        loop: true,
        muted: true,
        playsInline: true,
        controls: true,
        style: { maxWidth: "100%", height: PICTURE_HEIGHT },
      }),
    );
  }

  operators.registerOperator(Hotkeys, PLUGIN);
  operators.registerOperator(UpdateSamples, PLUGIN);
  for (const component of [BoxOnVideo, LoopedVideo]) {
    registry.register({ name: component.name, label: component.name, type: COMPONENT, component });
  }
  window.addEventListener("keydown", onKey, { capture: true });
})();
