"""How the page looks, and the few lines that play a sound when its picture is clicked."""

STYLE = """
:root{color-scheme:light dark;--bg:#fbfaf8;--fg:#1d1b20;--dim:#6b6772;--line:#dcd8d2;--card:#fff;
--hit:66,105,208;
--miss:214,69,61}
@media(prefers-color-scheme:dark){:root{--bg:#141217;--fg:#ece9f0;--dim:#9a95a3;--line:#34303b;--card:#1d1a22;
--hit:110,150,240;--miss:240,100,90}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}
main{max-width:68rem;margin:0 auto;padding:2rem 1.2rem 5rem}
h1{font-size:2.2rem;margin:0 0 .6rem;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:2.6rem 0 .3rem}
h3{font-size:.95rem;margin:.9rem 0 .3rem;font-weight:600}
p{margin:.2rem 0 .8rem;color:var(--dim);max-width:46rem}
.facts{list-style:none;padding:0;margin:0;display:flex;flex-wrap:wrap;gap:.5rem}
.facts li{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.45rem .8rem;
color:var(--dim)}
.facts b{display:block;font-size:1.25rem;color:var(--fg)}
.rows{display:flex;flex-wrap:wrap;gap:0 2rem}
.strip{display:flex;flex-wrap:wrap;gap:.7rem}
figure{margin:0;width:15rem;max-width:100%}
@media(max-width:40rem){.rows>*{width:100%}figure{width:calc(50% - .35rem)}}
figure button{all:unset;display:block;cursor:pointer;border-radius:6px;overflow:hidden;position:relative;
width:100%}
figure button:focus-visible{outline:3px solid rgb(var(--hit))}
figure button::after{content:"";position:absolute;left:8px;bottom:8px;border:7px solid transparent;
border-left:11px solid #fff;opacity:.8;filter:drop-shadow(0 0 2px #000)}
figure.on button::after{border:0;width:11px;height:13px;border-left:4px solid #fff;
border-right:4px solid #fff}
img{display:block;width:100%;height:auto;image-rendering:pixelated;border-radius:6px}
figcaption{font-size:.8rem;color:var(--dim);overflow-wrap:anywhere}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto;padding-bottom:.5rem}
.figures th,.figures td{text-align:left;padding:.25rem .9rem .25rem 0;border-bottom:1px solid var(--line);
vertical-align:top;font-weight:400}
.figures td{overflow-wrap:anywhere}
.confusion td,.confusion th{padding:.2rem .35rem;text-align:center;font-weight:400}
.confusion th[scope=row]{text-align:right;white-space:nowrap}
.confusion thead th span{writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap}
.confusion thead td{color:var(--dim);vertical-align:bottom}
.confusion td.hit{background:rgba(var(--hit),calc(.8*var(--s)))}
.confusion td.miss{background:rgba(var(--miss),calc(.8*var(--s)))}
.confusion td.hit,.confusion td.miss{min-width:2rem;border:1px solid var(--line)}
.confusion.fine td,.confusion.fine th{padding:0 1px;font-size:.6rem}
.confusion.fine td.hit,.confusion.fine td.miss{min-width:.6rem}
.recall{color:var(--dim);white-space:nowrap}
.map,.course{display:block;width:100%;max-width:46rem;background:var(--card);
border:1px solid var(--line);border-radius:8px}
.map path{opacity:.75}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.85rem;margin-top:.5rem}
.legend span{display:inline-flex;align-items:center;gap:.35rem}
.key{width:13px;height:13px}
.course polyline{fill:none;stroke-width:2}
.course text{font-size:11px;fill:var(--dim)}
polyline.training{stroke:var(--dim)}polyline.held{stroke:rgb(var(--miss))}.best{fill:rgb(var(--miss))}
i.training,i.held{width:1rem;height:3px;display:inline-block}
i.training{background:var(--dim)}i.held{background:rgb(var(--miss))}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.8rem;overflow:auto;
max-height:24rem;
font-size:.78rem;line-height:1.4}
"""

SCRIPT = """
let now=null;
document.querySelectorAll("figure").forEach(f=>{const a=f.querySelector("audio");if(!a)return;
const stop=()=>{a.pause();f.classList.remove("on");if(now===stop)now=null};
a.addEventListener("ended",stop);
f.querySelector("button").addEventListener("click",()=>{const mine=now===stop;if(now)now();
if(!mine){a.currentTime=0;now=stop;f.classList.add("on");a.play().catch(stop)}})});
"""
